/** Records and reverts pending changes in the delta file of the save folder, under libuci's exclusive lock (spec "uci", section 11). */
import {
  type Stats,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  closeSync,
  readSync,
  writeSync,
} from "node:fs";
import { checkDelta, type Delta, formatDelta, keptByRevert, parseDeltas } from "@nethsec/uci/delta";
import { UciError } from "@nethsec/uci/uci-error";
import { lockFile } from "../files/flock.ts";
import type { UciAccess } from "./access.ts";
import { ioError } from "./install.ts";
import { configPath, identity } from "./load.ts";
import { isErrno, lookAt, openLocked, statFile } from "./locked-file.ts";

export interface SavedDeltas {
  /** State of the delta file under the lock, before and after. */
  readonly before: Stats;
  readonly after: Stats;
}

/** Appends deltas, all or none. A missing save folder is created. Throws {@link UciError} "io". */
export function appendDeltas(access: UciAccess, name: string, deltas: readonly Delta[]): SavedDeltas | undefined {
  if (deltas.length === 0) return undefined;
  try {
    const path = `${access.saveDir}/${name}`;
    const fd = openDeltas(access, name, path);
    try {
      lockFile(fd, "exclusive", { timeoutMs: access.lockTimeoutMs, what: path });
      const before = fstatSync(fd);
      if (!before.isFile()) throw new UciError("io");
      appendText(fd, before.size, deltas.map((delta) => formatDelta(name, delta)).join(""));
      return { before, after: fstatSync(fd) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw ioError(error);
  }
}

/** A missing delta file is created with the mode of the configuration file, a missing save folder with that of the configuration folder. */
function openDeltas(access: UciAccess, name: string, path: string): number {
  const flags = constants.O_RDWR | constants.O_NONBLOCK;
  try {
    return openSync(path, flags);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  const modeOf = (like: string): number | undefined => {
    const stat = lookAt(like);
    return stat === undefined ? undefined : stat.mode & 0o777;
  };
  if (lookAt(access.saveDir) === undefined) mkdirSync(access.saveDir, { mode: modeOf(access.configDir) ?? 0o700 });
  return openSync(path, flags | constants.O_CREAT, modeOf(configPath(access, name)) ?? 0o600);
}

/** All or nothing. If a crash left the last line unterminated, a newline is written first: otherwise our first line would become part of it. */
export function appendText(fd: number, size: number, lines: string): void {
  const last = Buffer.alloc(1);
  if (size > 0) readSync(fd, last, 0, 1, size - 1);
  const bytes = Buffer.from(size === 0 || last[0] === 10 ? lines : `\n${lines}`, "latin1");
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, size + done);
  } catch (error) {
    ftruncateSync(fd, size);
    throw error;
  }
}

/**
 * Reverts pending changes: all, those of a section, or of one option. As in the original nothing happens when any line is malformed, and lines of
 * other packages become lines of this one (spec "uci", section 6.8).
 */
export function revertDeltas(
  access: UciAccess,
  name: string,
  section: string | undefined,
  option: string | undefined,
): void {
  try {
    using saved = openLocked(`${access.saveDir}/${name}`, "exclusive", access.lockTimeoutMs);
    if (saved === undefined) return;
    const config = statFile(configPath(access, name));
    const text = saved.read();
    const { deltas, malformed } = parseDeltas(text, (id) => config !== undefined && id === identity(config));
    if (malformed > 0) return;
    const kept = keptByRevert(
      deltas.map(({ delta }) => delta),
      section,
      option,
    );
    rewrite(saved.fd, text.length, kept.map((delta) => formatDelta(name, delta)).join(""));
  } catch (error) {
    throw ioError(error);
  }
}

/** Replaces all deltas of an option in the save folder by one `set`, or removes them: for runtime state, whose file would otherwise grow with each change. */
export function replaceDelta(
  access: UciAccess,
  name: string,
  section: string,
  option: string,
  value: string | undefined,
): void {
  const delta: Delta = { kind: "set", section, option, value: value ?? "" };
  checkDelta(delta);
  try {
    using saved = openLocked(`${access.saveDir}/${name}`, "exclusive", access.lockTimeoutMs);
    if (saved !== undefined) {
      const text = saved.read();
      const kept = keptByRevert(
        parseDeltas(text).deltas.map((line) => line.delta),
        section,
        option,
      );
      const lines = value === undefined ? kept : [...kept, delta];
      rewrite(saved.fd, text.length, lines.map((line) => formatDelta(name, line)).join(""));
      return;
    }
  } catch (error) {
    throw ioError(error);
  }
  if (value !== undefined) appendDeltas(access, name, [delta]);
}

/**
 * Rewrites the file in place, since a `set` may be waiting for the lock of this inode. One write, padded with newlines to the old size, then a
 * truncation: a crash in between leaves blank lines, which every load ignores.
 */
function rewrite(fd: number, oldSize: number, text: string): void {
  if (text.length > oldSize) appendText(fd, oldSize, "\n".repeat(text.length - oldSize));
  const bytes = Buffer.from(text.padEnd(oldSize, "\n"), "latin1");
  if (text.length > 0) writeSync(fd, bytes, 0, bytes.length, 0);
  ftruncateSync(fd, text.length);
}
