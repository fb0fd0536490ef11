/**
 * Queues of alerts, one for each channel (the portal, mail, the webhook), so that one that fails holds up no other: one small file per alert in a folder on persistent storage, so that they survive a reboot; on tmpfs while
 * that folder cannot be written, since "the disk is full" is an alert too.
 * The newest state of an alert replaces an older one that was not delivered. The last delivered state is remembered, so that no state is
 * sent twice.
 *
 * Invariants: bounded (one file per alert name, at most `maxAlerts`); file names derive from alert names, which cannot lead out of the folder.
 */
import { FileError } from "@nethsec/host/files/file-error";
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

export type ChannelName = "portal" | "mail" | "webhook";

export const queueDir = "/etc/ns-plug/alerts";
/** On tmpfs. Holds only records that could not be written to `queueDir`; such a record is newer than the one there. */
const volatileDir = "/var/run/ns-plug-alerts";

/** The portal's queue is the folder itself, as before there were other channels. Both travel with the state of a pair (ns-ha). */
const dirsOf = (channel: ChannelName): readonly [lasting: string, volatile: string] =>
  channel === "portal" ? [queueDir, volatileDir] : [`${queueDir}/${channel}`, `${volatileDir}/${channel}`];
const maxAlerts = 200;

export type AlertStatus = "FAILURE" | "OK";

const recordSchema = v.object({
  id: v.string(),
  /** The state still to be delivered; absent when there is none. */
  wanted: v.optional(v.picklist(["FAILURE", "OK"])),
  /** The state delivered last; absent when none was. */
  delivered: v.optional(v.picklist(["FAILURE", "OK"])),
  /** Wall clock, ms since 1970: when `wanted` came in. Delivery is in this order. */
  since: v.number(),
});
export type AlertRecord = v.InferOutput<typeof recordSchema>;

/** Names such as `df:root:percent_bytes:free` or `wan:wanb:down`. */
export const isAlertId = (id: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_:.@-]{0,127}$/.test(id);

type Needs = Pick<Host, "files">;

const nameOf = (id: string): string => `${encodeURIComponent(id)}.json`;

export function readAlert(host: Needs, id: string, channel: ChannelName = "portal"): AlertRecord | undefined {
  return readNewer(host, channel, nameOf(id));
}

function readNewer(host: Needs, channel: ChannelName, name: string): AlertRecord | undefined {
  const [lasting, volatile] = dirsOf(channel);
  return readRecord(host, `${volatile}/${name}`) ?? readRecord(host, `${lasting}/${name}`);
}

/** All records of a channel, the oldest first. */
export function readAlerts(host: Needs, channel: ChannelName = "portal"): readonly AlertRecord[] {
  return namesOf(host, channel)
    .flatMap((name) => readNewer(host, channel, name) ?? [])
    .toSorted((a, b) => a.since - b.since);
}

const namesOf = ({ files }: Needs, channel: ChannelName): readonly string[] =>
  [...new Set(dirsOf(channel).flatMap((dir) => files.list(dir)))].filter((name) => name.endsWith(".json"));

/** A damaged file counts as no record; the next state of that alert overwrites it. */
const readRecord = ({ files }: Needs, path: string): AlertRecord | undefined => readJson(files, path, recordSchema);

/**
 * Queues a state. Returns false when it is queued already or was the last one delivered. `again`: queue it even if it was the last one delivered
 * (the other node of a pair may have sent the portal another state since).
 */
export function queueAlert(
  host: Needs & Pick<Host, "clock">,
  id: string,
  status: AlertStatus,
  again = false,
  channel: ChannelName = "portal",
): boolean {
  const known = readAlert(host, id, channel);
  if (
    known?.wanted === status ||
    (known !== undefined && known.wanted === undefined && known.delivered === status && !again)
  )
    return false;
  if (known === undefined) makeRoom(host, channel);
  const delivered = known?.delivered === undefined ? {} : { delivered: known.delivered };
  save(host, channel, { id, wanted: status, ...delivered, since: host.clock.now() });
  return true;
}

export function markDelivered(
  host: Needs,
  record: AlertRecord,
  status: AlertStatus,
  channel: ChannelName = "portal",
): void {
  // A newer state may have been queued while this one was being sent.
  const now = readAlert(host, record.id, channel) ?? record;
  const { wanted, ...rest } = now;
  save(host, channel, { ...rest, ...(wanted === undefined || wanted === status ? {} : { wanted }), delivered: status });
}

function save({ files }: Needs, channel: ChannelName, record: AlertRecord): void {
  const [lasting, volatile] = dirsOf(channel);
  const name = nameOf(record.id);
  const write = (dir: string): void => files.write(`${dir}/${name}`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  try {
    write(lasting);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    write(volatile);
    return;
  }
  files.remove(`${volatile}/${name}`);
}

function remove({ files }: Needs, channel: ChannelName, { id }: AlertRecord): void {
  for (const dir of dirsOf(channel)) files.remove(`${dir}/${nameOf(id)}`);
}

/** Removes a record when the queue is full: the oldest without an undelivered state, else the oldest of all. */
function makeRoom(host: Needs, channel: ChannelName): void {
  if (namesOf(host, channel).length < maxAlerts) return;
  const records = readAlerts(host, channel);
  const victim = records.find(({ wanted }) => wanted === undefined) ?? records[0];
  if (victim !== undefined) remove(host, channel, victim);
}

/** Forgets delivered states and keeps undelivered ones: another machine may send alerts under our name meanwhile (ns-ha). */
export function forgetDelivered(host: Needs, channel: ChannelName = "portal"): void {
  for (const record of readAlerts(host, channel)) if (record.wanted === undefined) remove(host, channel, record);
}

/** Forgets everything of a channel: the machine is no longer registered, or nobody is to get mails any more. */
export function clearAlerts(host: Needs, channel: ChannelName = "portal"): void {
  const { files } = host;
  for (const dir of dirsOf(channel)) {
    for (const name of files.list(dir).filter((each) => each.endsWith(".json"))) files.remove(`${dir}/${name}`);
    // The portal's folder holds the others' folders.
    if (files.list(dir).length === 0) files.remove(dir, { recursive: true });
  }
}
