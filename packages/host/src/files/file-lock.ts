/** Mutual exclusion between processes: an exclusive flock(2) on a separate lock file, released also when the holder is killed. */
import { closeSync, constants, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fileError } from "./file-error.ts";
import { lockFile, tryLockFile } from "./flock.ts";
import type { Files } from "../host.ts";
import { checkFolders } from "./shared-folder.ts";

const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
const timeoutMs = 10_000;

/** Runs `work` while `path` is locked. Throws {@link NethsecError} "file_locked" when others hold it for more than 10 s. Not reentrant. */
export function withLock<T>(files: Files, path: string, work: () => T): T {
  using _lock = holdLock(files, path);
  return work();
}

/** The same for asynchronous work: `using lock = holdLock(…)`. Waiting for the lock blocks the process. */
export function holdLock(files: Files, path: string): Disposable {
  const fd = openLockFile(files.real(path), path);
  const release = (): void => closeSync(fd);
  try {
    lockFile(fd, "exclusive", { timeoutMs, what: path });
  } catch (thrown) {
    release();
    throw thrown;
  }
  return { [Symbol.dispose]: release };
}

/** The same without waiting; undefined when another process holds the lock. */
export function tryLock(files: Files, path: string): Disposable | undefined {
  const fd = openLockFile(files.real(path), path);
  const release = (): void => closeSync(fd);
  if (tryLockFile(fd, "exclusive")) return { [Symbol.dispose]: release };
  release();
  return undefined;
}

function openLockFile(real: string, path: string): number {
  try {
    checkFolders(real, path);
    mkdirSync(dirname(real), { recursive: true, mode: 0o755 });
    return openSync(real, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (thrown) {
    throw fileError("lock", path, thrown);
  }
}
