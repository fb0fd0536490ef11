/**
 * Opens and locks a file such that it is still the file at its path. While waiting for a lock the file may have been replaced. libuci continues with
 * the old inode and overwrites the other process's changes (spec "uci", 13.4); this code reopens the path.
 */
import {
  type BigIntStats,
  type Stats,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
} from "node:fs";
import { UciError } from "@nethsec/uci/uci-error";
import { lockFile, type LockWait } from "../files/flock.ts";

export interface LockedFile extends Disposable {
  readonly fd: number;
  readonly path: string;
  /** The file's state after the lock was taken. */
  readonly stat: BigIntStats;
  /** The whole content as a byte string. Throws {@link UciError} "io", or "out_of_memory" for more than 1 GiB. */
  read(): string;
}

/**
 * Opens a regular file, following links, and locks it. undefined when it does not exist or is not a regular file. With `create` (a mode), a missing
 * file is created. Throws {@link UciError} "io" when it exists but cannot be opened.
 */
export function openLocked(
  path: string,
  mode: "shared" | "exclusive",
  timeoutMs: LockWait["timeoutMs"],
  create?: number,
): LockedFile | undefined {
  for (;;) {
    const before = statFile(path);
    if (before === undefined ? create === undefined : !before.isFile()) return undefined;
    const flags =
      (mode === "shared" ? constants.O_RDONLY : constants.O_RDWR) |
      constants.O_NONBLOCK |
      (create === undefined ? 0 : constants.O_CREAT);
    const fd = open(path, flags, create ?? 0o600);
    if (fd === undefined) continue;
    try {
      lockFile(fd, mode, { timeoutMs, what: path });
      const stat = fstatSync(fd, { bigint: true });
      const now = statFile(path);
      if (now !== undefined && now.ino === stat.ino && now.dev === stat.dev) {
        return { fd, path, stat, read: () => readWhole(fd, stat), [Symbol.dispose]: () => closeSync(fd) };
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
  }
}

/** Bytes; a string cannot hold much more. */
const readableSize = 2n ** 30n;

function readWhole(fd: number, { size }: BigIntStats): string {
  if (size > readableSize) throw new UciError("out_of_memory");
  try {
    return readFileSync(fd, "latin1");
  } catch (error) {
    throw new UciError("io", undefined, error);
  }
}

/** undefined when the file has vanished since the stat call. */
function open(path: string, flags: number, mode: number): number | undefined {
  try {
    return openSync(path, flags, mode);
  } catch (error) {
    if (isErrno(error, "ENOENT") && (flags & constants.O_CREAT) === 0) return undefined;
    throw new UciError("io", undefined, error);
  }
}

/** undefined whenever stat(2) fails: libuci treats such a file as missing. */
export function statFile(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** As {@link statFile}, with plain numbers: cheaper where the file's identity is not needed. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export function isErrno(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string" && codes.includes(error.code);
}
