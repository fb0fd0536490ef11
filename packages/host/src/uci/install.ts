/**
 * Puts new configuration files in place: one by rename, several by a journal, so that all or none of them appear.
 *
 * The journal is linked into place when every new file is complete on disk. From then on it is carried out: by its writer or, after a crash, by the
 * next process that loads a package. The writer locks it. A target that another process has replaced in the meantime is left alone.
 */
import {
  type BigIntStats,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { UciError } from "@nethsec/uci/uci-error";
import { folderOf } from "../files/folder-of.ts";
import type { UciAccess } from "./access.ts";
import { syncFolder } from "../files/sync-folder.ts";
import { makeTemporary, sweepTemporaries, type TemporaryFile } from "../files/temporary-file.ts";
import { isErrno, openLocked, statFile } from "./locked-file.ts";

export interface NewFile {
  /** Complete on disk, with the owner and mode of the file it replaces. Locked until it is installed or discarded. */
  readonly temporary: TemporaryFile;
  /** Path of the file to replace, links resolved. */
  readonly target: string;
  /** Inode of the file to replace. */
  readonly replaces: string;
  readonly stat: BigIntStats;
}

/**
 * Writes the new version of a configuration file into the configuration folder under a temporary name. Throws {@link UciError} "io", leaving nothing
 * behind.
 */
export function prepareFile(access: UciAccess, name: string, path: string, old: BigIntStats, text: string): NewFile {
  let temporary: TemporaryFile | undefined;
  try {
    const target = realpathSync(path);
    temporary = makeTemporary(`${access.configDir}/.${name}${mark}`);
    const { fd } = temporary;
    writeFileSync(fd, text, "latin1");
    keepOwner(fd, old);
    fchmodSync(fd, Number(old.mode & 0o7777n));
    fsyncSync(fd);
    return { temporary, target, replaces: String(old.ino), stat: fstatSync(fd, { bigint: true }) };
  } catch (error) {
    if (temporary !== undefined) discard(temporary);
    throw ioError(error);
  }
}

/** Only root can change the owner; otherwise the file becomes the writer's, as in the original. */
function keepOwner(fd: number, old: BigIntStats): void {
  const now = fstatSync(fd, { bigint: true });
  if (now.uid === old.uid && now.gid === old.gid) return;
  try {
    fchownSync(fd, Number(old.uid), Number(old.gid));
  } catch (error) {
    if (!isErrno(error, "EPERM")) throw error;
  }
}

export function ioError(cause: unknown): unknown {
  return cause instanceof Error && "code" in cause && !(cause instanceof UciError) && "syscall" in cause
    ? new UciError("io", undefined, cause)
    : cause;
}

export function discardFiles(files: readonly NewFile[]): void {
  for (const { temporary } of files) discard(temporary);
}

function discard({ path, fd }: TemporaryFile): void {
  if (existsSync(path)) unlinkSync(path);
  closeSync(fd);
}

/** Puts the files in place, all or none, and syncs them to disk. The caller holds the exclusive locks of the replaced files. */
export function installFiles(access: UciAccess, files: readonly NewFile[]): void {
  try {
    const [only, ...others] = files;
    if (only === undefined) return;
    if (others.length === 0) {
      renameSync(only.temporary.path, only.target);
      syncFolder(folderOf(only.target));
    } else {
      installTogether(access, files);
    }
  } catch (error) {
    discardFiles(files);
    throw ioError(error);
  }
  for (const { temporary } of files) closeSync(temporary.fd);
  removeLitter(access);
}

const journalName = ".nethsec-transaction";
/** Part of the temporary names of new configuration files, before the random letters. */
const mark = ".uci-";

function installTogether(access: UciAccess, files: readonly NewFile[]): void {
  const journal = `${access.configDir}/${journalName}`;
  const { path: draft, fd } = makeTemporary(`${journal}-`);
  const steps = files.map(({ temporary, target, replaces }) => ({ temporary: temporary.path, target, replaces }));
  try {
    for (const { temporary, target, replaces } of steps)
      writeFileSync(fd, `${JSON.stringify([temporary, target, replaces])}\n`);
    fsyncSync(fd);
    syncFolder(access.configDir);
    while (!linked(draft, journal)) finishInterrupted(access);
    unlinkSync(draft);
    carryOut(steps);
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

/** One line of the journal. */
interface Step {
  readonly temporary: string;
  readonly target: string;
  readonly replaces: string;
}

function carryOut(files: readonly Step[]): void {
  for (const { temporary, target, replaces } of files) {
    if (!existsSync(temporary)) continue;
    const now = statFile(target);
    if (now === undefined || String(now.ino) === replaces) renameSync(temporary, target);
    else unlinkSync(temporary);
  }
  for (const dir of new Set(files.map(({ target }) => folderOf(target)))) syncFolder(dir);
}

/** Completes a transaction whose writer was killed; waits for a writer that is alive. Cheap when there is no journal. */
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

function journalEntry(line: string): Step {
  const entry: unknown = JSON.parse(line);
  const fields = Array.isArray(entry) ? entry.filter((field) => typeof field === "string") : [];
  const [temporary, target, replaces] = fields;
  if (temporary === undefined || target === undefined || replaces === undefined) throw new UciError("io");
  return { temporary, target, replaces };
}

/** Removes temporary files of killed writers, except those that an unfinished transaction needs. */
function removeLitter(access: UciAccess): void {
  sweepTemporaries(
    access.configDir,
    (prefix) => prefix.endsWith(mark) || prefix === `${journalName}-`,
    () => existsSync(`${access.configDir}/${journalName}`),
  );
}
