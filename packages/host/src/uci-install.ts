/**
 * Putting new configuration files in place: one by rename, several by a journal that makes them appear together or not at all.
 *
 * The journal is linked into place when every new file is complete on disk; from then on it is carried out, by us or, after a crash, by whoever
 * loads next. It is locked while its writer lives. A file that somebody else replaced in between is left alone.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { UciError } from "@nethsec/uci/uci-error";
import { lockFile } from "./flock.ts";
import type { UciAccess } from "./uci-access.ts";
import { isErrno, openLocked, statFile } from "./uci-locked-file.ts";

export interface NewFile {
  /** Complete on disk, with the owner and mode of what it replaces. */
  readonly temporary: string;
  /** What it replaces, links resolved. */
  readonly target: string;
  /** Inode of what it replaces. */
  readonly replaces: string;
  readonly stat: BigIntStats;
}

/** Writes the successor of a configuration file beside the others in the configuration folder. Throws {@link UciError} "io", leaving nothing behind. */
export function prepareFile(access: UciAccess, name: string, path: string, old: BigIntStats, text: string): NewFile {
  let temporary: string | undefined;
  try {
    const target = realpathSync(path);
    const [made, fd] = openTemporary(`${access.configDir}/.${name}.uci-`);
    temporary = made;
    try {
      lockFile(fd, "exclusive", { timeoutMs: access.lockTimeoutMs, what: made });
      writeFileSync(fd, text, "latin1");
      keepOwner(fd, old);
      fchmodSync(fd, Number(old.mode & 0o7777n));
      fsyncSync(fd);
      return { temporary, target, replaces: String(old.ino), stat: fstatSync(fd, { bigint: true }) };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (temporary !== undefined) unlinkSync(temporary);
    throw ioError(error);
  }
}

function openTemporary(prefix: string): [path: string, fd: number] {
  for (;;) {
    // Not node:crypto, whose loading costs a small command 2 ms.
    const path =
      prefix +
      Buffer.from(crypto.getRandomValues(new Uint8Array(6)))
        .toString("base64url")
        .slice(0, 6);
    try {
      return [path, openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)];
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }
}

/** Only root can give files away; for others the file becomes theirs, as in the original. */
function keepOwner(fd: number, old: BigIntStats): void {
  const now = fstatSync(fd, { bigint: true });
  if (now.uid === old.uid && now.gid === old.gid) return;
  try {
    fchownSync(fd, Number(old.uid), Number(old.gid));
  } catch (error) {
    if (!isErrno(error, "EPERM")) throw error;
  }
}

/** Of an absolute path. Not by node:path, whose loading a small command would notice. */
function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

export function ioError(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause && !(cause instanceof UciError) && "syscall" in cause
    ? new UciError("io", undefined, cause)
    : cause;
}

export function discardFiles(files: readonly NewFile[]): void {
  for (const { temporary } of files) if (existsSync(temporary)) unlinkSync(temporary);
}

/** Puts the files in place, all or none, and waits for the disk. The caller holds the exclusive locks of what is replaced. */
export function installFiles(access: UciAccess, files: readonly NewFile[]): void {
  try {
    const [only, ...others] = files;
    if (only === undefined) return;
    if (others.length === 0) {
      renameSync(only.temporary, only.target);
      syncFolder(folderOf(only.target));
    } else {
      installTogether(access, files);
    }
  } catch (error) {
    discardFiles(files);
    throw ioError(error);
  }
}

const journalName = ".nethsec-transaction";

function installTogether(access: UciAccess, files: readonly NewFile[]): void {
  const journal = `${access.configDir}/${journalName}`;
  const [draft, fd] = openTemporary(`${journal}-`);
  try {
    lockFile(fd, "exclusive", { timeoutMs: access.lockTimeoutMs, what: draft });
    for (const { temporary, target, replaces } of files)
      writeFileSync(fd, `${JSON.stringify([temporary, target, replaces])}\n`);
    fsyncSync(fd);
    syncFolder(access.configDir);
    while (!linked(draft, journal)) finishInterrupted(access);
    unlinkSync(draft);
    carryOut(files);
    unlinkSync(journal);
    syncFolder(access.configDir);
  } catch (error) {
    if (existsSync(draft)) unlinkSync(draft);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

function carryOut(files: readonly Pick<NewFile, "temporary" | "target" | "replaces">[]): void {
  for (const { temporary, target, replaces } of files) {
    if (!existsSync(temporary)) continue;
    const now = statFile(target);
    if (now === undefined || String(now.ino) === replaces) renameSync(temporary, target);
    else unlinkSync(temporary);
  }
  for (const dir of new Set(files.map(({ target }) => folderOf(target)))) syncFolder(dir);
}

/** Completes a transaction whose writer did not live to do so; waits for one that does. Cheap when there is none. */
export function finishInterrupted(access: UciAccess): void {
  const path = `${access.configDir}/${journalName}`;
  if (statFile(path) === undefined) return;
  try {
    using journal = openLocked(path, "exclusive", access.lockTimeoutMs);
    if (journal === undefined) return;
    const files = Buffer.from(journal.read(), "latin1").toString("utf8").split("\n").filter(Boolean).map(journalEntry);
    carryOut(files);
    unlinkSync(path);
  } catch (error) {
    throw ioError(error);
  }
}

function journalEntry(line: string): Pick<NewFile, "temporary" | "target" | "replaces"> {
  const entry: unknown = JSON.parse(line);
  const fields = Array.isArray(entry) ? entry.filter((field) => typeof field === "string") : [];
  const [temporary, target, replaces] = fields;
  if (temporary === undefined || target === undefined || replaces === undefined) throw new UciError("io");
  return { temporary, target, replaces };
}

/** Removes what commits of this package left that were killed a minute ago or longer. */
export function removeLitter(access: UciAccess, name: string): void {
  const prefix = `.${name}.uci-`;
  for (const entry of readdirSync(access.configDir)) {
    if (!entry.startsWith(prefix) || entry.length !== prefix.length + 6) continue;
    const path = `${access.configDir}/${entry}`;
    const stat = statFile(path);
    if (stat !== undefined && Date.now() - Number(stat.mtimeMs) > 60_000) rmSync(path, { force: true });
  }
}

export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
