/** flock(2), which libuci uses and the runtime does not offer. A lock belongs to the open file: closing the descriptor releases it. */
import { readFileSync, fstatSync } from "node:fs";
import { flock } from "../ffi/c-library.ts";
import { NethsecError } from "../error.ts";

const operations = { shared: 1, exclusive: 2 } as const;
const withoutWaiting = 4;

export interface LockWait {
  /** Milliseconds; "forever" waits as libuci does. */
  readonly timeoutMs: number | "forever";
  /** The path of the locked file, for the error message, e.g. "/etc/config/network". */
  readonly what: string;
}

/** Locks an open file. Throws {@link NethsecError} "file_locked" when others hold it for longer than the wait allows. */
export function lockFile(fd: number, mode: keyof typeof operations, wait: LockWait): void {
  const operation = operations[mode];
  if (flock(fd, operation | withoutWaiting) === 0) return;
  if (wait.timeoutMs === "forever") {
    // Retries when a signal interrupts the call; bounded, since a descriptor that cannot be locked at all fails at once every time.
    for (let attempts = 0; attempts < 100; attempts += 1) if (flock(fd, operation) === 0) return;
    throw new NethsecError({
      code: "lock_failed",
      message: `The file ${wait.what} cannot be locked`,
      advice: "Check that its file system supports flock(2).",
    });
  }
  const deadline = performance.now() + wait.timeoutMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let pauseMs = 0.5; performance.now() < deadline; pauseMs = Math.min(pauseMs * 1.5, 10)) {
    Atomics.wait(pause, 0, 0, pauseMs * (0.5 + Math.random()));
    if (flock(fd, operation | withoutWaiting) === 0) return;
  }
  throw new NethsecError({
    code: "file_locked",
    message: `The file ${wait.what} was locked for more than ${wait.timeoutMs / 1000} seconds by ${holderOf(fd)}`,
    advice: "End that process if it hangs, then run the command again.",
  });
}

/** True when the lock was free and is now ours. */
export function tryLockFile(fd: number, mode: keyof typeof operations): boolean {
  return flock(fd, operations[mode] | withoutWaiting) === 0;
}

/** Waits for the exclusive lock without a time limit. Returns at once on a file system that does not support flock. */
export function waitForLock(fd: number): void {
  // Retries when a signal interrupts the call.
  for (let attempts = 0; attempts < 3; attempts += 1) if (flock(fd, operations.exclusive) === 0) return;
}

/** The holder of a lock on this file, from /proc/locks: "uci (process 123)". */
function holderOf(fd: number): string {
  try {
    const { ino } = fstatSync(fd);
    const line = readFileSync("/proc/locks", "latin1")
      .split("\n")
      .find((entry) => entry.includes("FLOCK") && !entry.includes("->") && entry.includes(`:${ino} `));
    const pid = line?.trim().split(/\s+/)[4];
    if (pid === undefined) return "another process";
    return `${readFileSync(`/proc/${pid}/comm`, "latin1").trim()} (process ${pid})`;
  } catch {
    return "another process";
  }
}
