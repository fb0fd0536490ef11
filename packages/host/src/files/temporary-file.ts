/**
 * Files that are written under a name nobody looks for, and then renamed into place.
 *
 * Their writer holds a lock (flock) on them while it lives. One without a lock was left by a writer that was killed: who replaces a file there next
 * removes it.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, unlinkSync } from "node:fs";
import { errnoOf } from "./file-error.ts";
import { tryLockFile, waitForLock } from "./flock.ts";
import { osPath, pathText } from "./os-path.ts";
import { localRandom } from "../random.ts";
import { isTrusted } from "./shared-folder.ts";

const { O_RDWR, O_RDONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
const randomLetters = 8;

export interface TemporaryFile {
  readonly path: string;
  /** Closing it gives up the lock. */
  readonly fd: number;
}

/** Makes an empty one with mode 0600, whose name is `prefix` and eight letters or digits. Throws the system's error. */
export function makeTemporary(prefix: string): TemporaryFile {
  for (;;) {
    const path = prefix + localRandom.text(randomLetters);
    const fd = openNew(path);
    if (fd === undefined) continue;
    waitForLock(fd);
    // Before it was locked a sweep may have taken it for a dead one.
    if (fstatSync(fd).nlink > 0) return { path, fd };
    closeSync(fd);
  }
}

function openNew(path: string): number | undefined {
  try {
    return openSync(osPath(path), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return undefined;
    throw error;
  }
}

/**
 * Removes what dead writers left in a folder: files whose name is a prefix that `isPrefix` knows and the letters. `isNeeded` is asked once a
 * writer is known to be dead. Never throws: what cannot be removed stays.
 */
export function sweepTemporaries(
  folder: string,
  isPrefix: (prefix: string) => boolean,
  isNeeded: () => boolean = () => false,
): void {
  for (const name of namesIn(folder)) {
    if (!/^[A-Za-z0-9]{8}$/.test(name.slice(-randomLetters)) || !isPrefix(name.slice(0, -randomLetters))) continue;
    try {
      removeDead(`${folder}/${name}`, isNeeded);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(osPath(folder), { encoding: "buffer" }).map(pathText);
  } catch {
    return [];
  }
}

function removeDead(path: string, isNeeded: () => boolean): void {
  const fd = openSync(osPath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (stat.isFile() && isTrusted(stat.uid) && tryLockFile(fd, "exclusive") && !isNeeded()) unlinkSync(osPath(path));
  } finally {
    closeSync(fd);
  }
}
