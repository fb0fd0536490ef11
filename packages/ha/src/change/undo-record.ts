/**
 * The state to which a change of this node is rolled back, on disk while the change lasts. If its process is killed or power is lost, the next
 * process to find the record rolls back (the next change, the call that waited for it, the agent's start). The lock distinguishes a change under
 * way from an interrupted one.
 */
import { tryLock } from "@nethsec/host/files/file-lock";
import { readJson } from "@nethsec/host/files/read-json";
import type { Files } from "@nethsec/host/host";
import * as v from "valibot";

export interface Remembered {
  readonly path: string;
  /** undefined: the file did not exist. */
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

/** The saved state of an interrupted change; undefined: there is none. Call with the lock held. */
export function readUndo(files: Files): readonly Remembered[] | undefined {
  return readJson(files, undoPath, recordSchema)?.map(({ path, was }) => ({
    path,
    was: was === undefined ? undefined : { bytes: Buffer.from(was.base64, "base64"), mode: was.mode },
  }));
}
