/**
 * The journal of a change of both nodes: on disk while the nodes may differ, so that an interrupted change (power, kill) is detected later.
 * Has few imports, since `status` reads it.
 */
import { NethsecError } from "@nethsec/host/error";
import { tryLock } from "@nethsec/host/files/file-lock";
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { haPaths } from "./config.ts";

/** Stored beside the keys because that folder is not synchronised: the backup must not take the primary's journal for its own. */
export const journalPath: string = `${haPaths.keysDir}/change.json`;

const journalSchema = v.object({
  /** The command line after `ns-ha-config`. */
  action: v.string(),
  /** Milliseconds since 1970. */
  startedAt: v.number(),
  /** The first of the two nodes has been changed. */
  firstDone: v.boolean(),
});
export type Journal = v.InferOutput<typeof journalSchema>;

/** The change that was started but not finished; undefined when there is none. */
export function readJournal(host: Pick<Host, "files">): Journal | undefined {
  const text = host.files.readText(journalPath);
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), journalSchema), text);
  return parsed.success ? parsed.output : undefined;
}

export const changeLockPath = "/var/run/ns-ha/change.lock";
/** Retries, because `isUnderWay` in another process holds the lock for a moment. */
const tries = 5;
const betweenMs = 20;

/** Locks held by this process, by real path. A process makes one change at a time, so a new change releases a lock left by an earlier one. */
const ownLocks = new Map<string, Disposable>();

/** Holds the lock for the duration of a change; the kernel releases it when the process ends for any reason. undefined: another process holds it. */
export function lockChange({ files }: Pick<Host, "files">): Disposable | undefined {
  const real = files.real(changeLockPath);
  ownLocks.get(real)?.[Symbol.dispose]();
  const lock = tryRepeatedly(files);
  if (lock === undefined) return undefined;
  const release = {
    [Symbol.dispose]: () => (ownLocks.get(real) === release ? ownLocks.delete(real) : false, lock[Symbol.dispose]()),
  };
  ownLocks.set(real, release);
  return release;
}

function tryRepeatedly(files: Host["files"]): Disposable | undefined {
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const lock = tryLock(files, changeLockPath);
    if (lock !== undefined) return lock;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, betweenMs);
  }
  return undefined;
}

/** True while another process changes the cluster: the journal then belongs to that change and does not mean an interruption. */
export function isUnderWay({ files }: Pick<Host, "files">): boolean {
  if (ownLocks.has(files.real(changeLockPath))) return false;
  const lock = tryLock(files, changeLockPath);
  lock?.[Symbol.dispose]();
  return lock === undefined;
}

export function interrupted(journal: Journal): NethsecError {
  return new NethsecError({
    code: "change_interrupted",
    message: `An earlier change was interrupted, and the nodes may differ: ns-ha-config ${journal.action}`,
    advice: `Run it again to complete it: ns-ha-config ${journal.action}`,
  });
}
