/**
 * Files written under a temporary name and then renamed into place.
 *
 * The writer holds an flock on its file as long as it lives. A temporary file without a lock was left by a killed writer and is removed when the next
 * file in that folder is replaced.
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
  /** Closing it releases the lock. */
  readonly fd: number;
}

/** Creates an empty file with mode 0600, named `prefix` and eight letters or digits. Throws the system's error. */
export function makeTemporary(prefix: string): TemporaryFile {
  for (;;) {
    const path = prefix + localRandom.text(randomLetters);
    const fd = openNew(path);
    if (fd === undefined) continue;
    waitForLock(fd);
    // Between creation and lock a sweep may have removed the file as abandoned.
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
 * Removes abandoned temporary files from a folder: those whose name is a prefix accepted by `isPrefix` plus the random letters. `isNeeded` is called
 * once the writer is known to be dead; true keeps the file. Never throws: files that cannot be removed stay.
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
