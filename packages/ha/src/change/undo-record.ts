/**
 * What a change of this node is to be undone to, on disk while the change lasts: a change whose process was killed, or that lost its power, is put
 * back by whoever finds the record (the next change, the call that waited for it, the agent's start). The lock tells a record of a change that is
 * under way from one that was cut off.
 */
import { tryLock } from "@nethsec/host/files/file-lock";
import { readJson } from "@nethsec/host/files/read-json";
import type { Files } from "@nethsec/host/host";
import * as v from "valibot";

export interface Remembered {
  readonly path: string;
  /** undefined: there was none. */
  readonly was: { readonly bytes: Uint8Array; readonly mode: number } | undefined;
}

/** Not synchronised, and kept over a reboot. Readable by root only: it holds the configuration with its secrets. */
export const undoPath = "/etc/ns-ha/undo.json";
const lockPath = "/var/run/ns-ha-jobs/node-change.lock";

const recordSchema = v.array(
  v.object({
    path: v.string(),
    was: v.optional(v.object({ base64: v.string(), mode: v.number() })),
  }),
);

/** undefined: another change of this node is under way. */
export function lockNodeChange(files: Files): Disposable | undefined {
  files.mkdir("/var/run/ns-ha-jobs", { mode: 0o700 });
  return tryLock(files, lockPath);
}

export function writeUndo(files: Files, remembered: readonly Remembered[]): void {
  const record = remembered.map(({ path, was }) =>
    was === undefined ? { path } : { path, was: { base64: Buffer.from(was.bytes).toString("base64"), mode: was.mode } },
  );
  files.write(undoPath, JSON.stringify(record), { mode: 0o600 });
}

export function dropUndo(files: Files): void {
  files.remove(undoPath);
}

/** What a change that was cut off had remembered; undefined: there is none. Only for the holder of the lock. */
export function readUndo(files: Files): readonly Remembered[] | undefined {
  return readJson(files, undoPath, recordSchema)?.map(({ path, was }) => ({
    path,
    was: was === undefined ? undefined : { bytes: Buffer.from(was.base64, "base64"), mode: was.mode },
  }));
}
