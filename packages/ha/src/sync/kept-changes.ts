/**
 * Saves changes made on the backup while it carried the site, before the primary's files replace them: one folder (a set) for each time the
 * backup carried the site, with an index and the files' content.
 * Invariants: the index is written last, so a set is complete or does not count; set names are numbers, so no name leads out of the folder.
 */
import { readJson } from "@nethsec/host/files/read-json";
import type { Host } from "@nethsec/host/host";
import { carriedSince } from "../cluster/carried.ts";
import type { HaConfig } from "../cluster/config.ts";
import {
  type BackupChanges,
  type Change,
  type KeptEntry,
  type KeptSet,
  keptSetSchema,
} from "../cluster/backup-changes.ts";
import { optionsOf } from "../cluster/network-records.ts";
import { changesSinceTakeover, clearBase } from "./carried-base.ts";

export const keptDir = "/etc/ns-ha/backup-changes";
/** When there are more sets, the oldest are deleted and logged. */
const setsMax = 20;

type Machine = Pick<Host, "files" | "uci" | "clock" | "log">;

/**
 * Saves the changes since the takeover; undefined: there were none. Throws write errors: then the caller must not overwrite anything.
 */
export function keepChanges(host: Machine, config: HaConfig): KeptSet | undefined {
  const changes = changesSinceTakeover(host, config) ?? [];
  const since = carriedSince(host.files) ?? host.clock.now();
  if (changes.length === 0) {
    clearBase(host.files);
    return undefined;
  }
  const id = String(Math.max(Math.floor(host.clock.now()), ...listKept(host.files).map((set) => Number(set.id) + 1)));
  const dir = `${keptDir}/${id}`;
  host.files.mkdir(dir, { mode: 0o700 });
  const entries = changes.map((change, index) => keepOne(host, `${dir}/${index}`, change));
  const set: KeptSet = { id, since, entries };
  host.files.write(`${dir}/index.json`, JSON.stringify(set), { mode: 0o600 });
  clearBase(host.files);
  dropOldest(host);
  return set;
}

function keepOne({ files, uci }: Machine, to: string, entry: Change): KeptEntry {
  const { name, change } = entry;
  if (change === "removed") return entry;
  const section = sectionOf(name);
  if (section !== undefined) {
    const found = uci.read("network").section(section);
    return found === undefined ? entry : { ...entry, section: { type: found.type, options: optionsOf(found) } };
  }
  const stat = files.stat(name);
  const target = files.readlink(name);
  if (target !== undefined) return { ...entry, target };
  const bytes = stat?.type === "file" ? files.readBytes(name) : undefined;
  if (stat === undefined || bytes === undefined) return entry;
  files.write(to, bytes, { mode: 0o600 });
  return { ...entry, file: { mode: stat.mode, uid: stat.uid, gid: stat.gid, size: bytes.length } };
}

/** The changes on this backup: those since it took over, and the kept sets. */
export function backupChanges(host: Machine, config: HaConfig): BackupChanges {
  return { current: changesSinceTakeover(host, config) ?? [], kept: listKept(host.files) };
}

/** `network.wan` → "wan"; undefined for a path. */
export function sectionOf(name: string): string | undefined {
  return /^network\.(.+)$/.exec(name)?.[1];
}

/** All sets, newest first. A folder without a valid index is skipped. */
export function listKept(files: Host["files"]): KeptSet[] {
  return files
    .list(keptDir)
    .flatMap((id) => readKept(files, id) ?? [])
    .toSorted((a, b) => Number(b.id) - Number(a.id));
}

function readKept(files: Host["files"], id: string): KeptSet | undefined {
  return /^\d{1,16}$/.test(id) ? readJson(files, `${keptDir}/${id}/index.json`, keptSetSchema) : undefined;
}

/** Content of a kept file; `index`: of the entry in its set. undefined: no such set or file. */
export function keptContent(files: Host["files"], id: string, index: number): Uint8Array | undefined {
  return readKept(files, id) === undefined ? undefined : files.readBytes(`${keptDir}/${id}/${index}`);
}

/** False when there was no such set. */
export function dropKept(files: Host["files"], id: string): boolean {
  if (readKept(files, id) === undefined) return false;
  files.remove(`${keptDir}/${id}`, { recursive: true });
  return true;
}

function dropOldest({ files, log }: Machine): void {
  for (const { id, entries } of listKept(files).slice(setsMax)) {
    log(
      "warning",
      `changes of the backup node that nobody adopted are dropped: ${entries.map(({ name }) => name).join(" ")}`,
    );
    dropKept(files, id);
  }
}
