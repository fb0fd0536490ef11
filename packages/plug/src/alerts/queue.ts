/**
 * Alerts on their way to the portal: one small file an alert in a folder on persistent storage, so that they outlive a reboot; in memory while
 * nothing can be written there, as "the disk is full" is an alert too.
 * The newest state of an alert replaces an older one that was not delivered; what was delivered last is remembered, so that no state is
 * sent twice.
 *
 * Invariants: bounded (one file an alert name, at most `maxAlerts`); the file name is made from the alert's, which cannot leave the folder.
 */
import { FileError } from "@nethsec/host/files/file-error";
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

export const queueDir = "/etc/ns-plug/alerts";
/** On tmpfs. A record is here only while it could not be written to the other folder, so it is the newer one. */
const volatileDir = "/var/run/ns-plug-alerts";
const maxAlerts = 200;

export type AlertStatus = "FAILURE" | "OK";

const recordSchema = v.object({
  id: v.string(),
  /** What is to be delivered; absent when everything was. */
  wanted: v.optional(v.picklist(["FAILURE", "OK"])),
  /** What the portal knows; absent when it was never told. */
  delivered: v.optional(v.picklist(["FAILURE", "OK"])),
  /** Wall clock, ms since 1970: when `wanted` came in. Delivery is in this order. */
  since: v.number(),
});
export type AlertRecord = v.InferOutput<typeof recordSchema>;

/** Names such as `df:root:percent_bytes:free` or `wan:wanb:down`. */
export const isAlertId = (id: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_:.@-]{0,127}$/.test(id);

type Needs = Pick<Host, "files">;

const nameOf = (id: string): string => `${encodeURIComponent(id)}.json`;

export function readAlert(host: Needs, id: string): AlertRecord | undefined {
  return readNewer(host, nameOf(id));
}

function readNewer(host: Needs, name: string): AlertRecord | undefined {
  return readRecord(host, `${volatileDir}/${name}`) ?? readRecord(host, `${queueDir}/${name}`);
}

/** All records, the oldest first. */
export function readAlerts(host: Needs): readonly AlertRecord[] {
  return namesOf(host)
    .flatMap((name) => readNewer(host, name) ?? [])
    .toSorted((a, b) => a.since - b.since);
}

const namesOf = ({ files }: Needs): readonly string[] =>
  [...new Set([queueDir, volatileDir].flatMap((dir) => files.list(dir)))].filter((name) => name.endsWith(".json"));

/** A file that was damaged is no record: the next state of that alert writes it anew. */
const readRecord = ({ files }: Needs, path: string): AlertRecord | undefined => readJson(files, path, recordSchema);

/**
 * Puts a state into the queue; false when it waits there already, or the portal was told it last. `again`: also what the portal was told
 * last (the other node of a pair may have told it something else since).
 */
export function queueAlert(host: Needs & Pick<Host, "clock">, id: string, status: AlertStatus, again = false): boolean {
  const known = readAlert(host, id);
  if (
    known?.wanted === status ||
    (known !== undefined && known.wanted === undefined && known.delivered === status && !again)
  )
    return false;
  if (known === undefined) makeRoom(host);
  const delivered = known?.delivered === undefined ? {} : { delivered: known.delivered };
  save(host, { id, wanted: status, ...delivered, since: host.clock.now() });
  return true;
}

export function markDelivered(host: Needs, record: AlertRecord, status: AlertStatus): void {
  // The record may have got a newer state while this one was on its way.
  const now = readAlert(host, record.id) ?? record;
  const { wanted, ...rest } = now;
  save(host, { ...rest, ...(wanted === undefined || wanted === status ? {} : { wanted }), delivered: status });
}

function save({ files }: Needs, record: AlertRecord): void {
  const name = nameOf(record.id);
  const write = (dir: string): void => files.write(`${dir}/${name}`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  try {
    write(queueDir);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    write(volatileDir);
    return;
  }
  files.remove(`${volatileDir}/${name}`);
}

function remove({ files }: Needs, { id }: AlertRecord): void {
  for (const dir of [volatileDir, queueDir]) files.remove(`${dir}/${nameOf(id)}`);
}

/** The oldest record that has nothing to deliver makes room; else the oldest of all. */
function makeRoom(host: Needs): void {
  if (namesOf(host).length < maxAlerts) return;
  const records = readAlerts(host);
  const victim = records.find(({ wanted }) => wanted === undefined) ?? records[0];
  if (victim !== undefined) remove(host, victim);
}

/** Forgets what was delivered, keeps what waits: another machine may speak to the portal under our name meanwhile (ns-ha). */
export function forgetDelivered(host: Needs): void {
  for (const record of readAlerts(host)) if (record.wanted === undefined) remove(host, record);
}

/** Forgets everything: the machine is no longer registered. */
export function clearAlerts({ files }: Needs): void {
  for (const dir of [volatileDir, queueDir]) files.remove(dir, { recursive: true });
}
