/**
 * Replaces a file as a whole: written under a temporary name beside it, then renamed.
 *
 * Invariants: readers see the old or the new file, also after a power loss; the mode is set before the first byte; files or links planted in a shared
 * folder are neither followed nor written to; after a failure or `discard` no temporary file is left; that of a killed writer is removed when the
 * next file in the folder is replaced.
 */
import * as fs from "node:fs";
import { folderOf, inFolder, nameOf } from "./folder-of.ts";
import { osPath } from "./os-path.ts";
import { FileError } from "./file-error.ts";
import { checkFolders, isShared, isTrusted } from "./shared-folder.ts";
import { syncFolder } from "./sync-folder.ts";
import { makeTemporary, sweepTemporaries } from "./temporary-file.ts";

/** Part of temporary file names, before the random letters. */
const mark = ".new-";

export interface Replacement {
  write(data: Uint8Array): void;
  /** Puts the file in place; call nothing afterwards. */
  commit(): void;
  /** Removes what was written. */
  discard(): void;
}

/**
 * Begins to replace `real`; `path` is its name for messages. Default `mode`: that of the file replaced, else 0644. Missing folders are created.
 * Throws {@link FileError} or the system's error.
 */
export function beginReplacement(real: string, path: string, mode?: number): Replacement {
  const dir = folderOf(real);
  checkFolders(real, path);
  fs.mkdirSync(osPath(dir), { recursive: true, mode: 0o755 });
  const old = fs.lstatSync(osPath(real), { throwIfNoEntry: false });
  if (old?.isDirectory() === true) {
    throw new FileError({
      path,
      code: "is_a_folder",
      errno: "EISDIR",
      message: `Cannot write ${path}: it is a folder`,
    });
  }
  // In a shared folder the old file may belong to another user: do not take over its mode or owner.
  const keep = old?.isFile() === true && (isTrusted(old.uid) || !isShared(fs.statSync(osPath(dir)))) ? old : undefined;
  const { path: temporary, fd } = makeTemporary(inFolder(dir, `.${nameOf(real).slice(0, 60)}${mark}`));
  const discard = (): void => {
    fs.closeSync(fd);
    fs.rmSync(osPath(temporary), { force: true });
  };
  const orDiscard = (work: () => void): void => {
    try {
      work();
    } catch (thrown) {
      discard();
      throw thrown;
    }
  };
  orDiscard(() => {
    if (keep !== undefined && keep.uid !== process.geteuid?.()) fs.fchownSync(fd, keep.uid, keep.gid);
    fs.fchmodSync(fd, mode ?? (keep === undefined ? 0o644 : keep.mode & 0o7777));
  });
  return {
    write: (data) => {
      orDiscard(() => {
        for (let at = 0; at < data.length;) at += fs.writeSync(fd, data, at, data.length - at);
      });
    },
    commit: () => {
      orDiscard(() => {
        fs.fsyncSync(fd);
        fs.renameSync(osPath(temporary), osPath(real));
      });
      fs.closeSync(fd);
      syncFolder(dir);
      sweepTemporaries(dir, (prefix) => prefix.endsWith(mark));
    },
    discard,
  };
}
