/**
 * Writing as root in folders that others can write to (/tmp, /var/run on some systems): what an unprivileged user may have planted there is refused.
 * The kernel's fs.protected_symlinks does part of this, where it is switched on.
 */
import { lstatSync, type Stats } from "node:fs";
import { FileError } from "./file-error.ts";
import { osPath } from "./os-path.ts";
import { folderOf } from "./folder-of.ts";

/** True when everybody can make entries in this folder. */
export function isShared(folder: Stats): boolean {
  return (folder.mode & 0o002) !== 0;
}

/**
 * Throws {@link FileError} "unsafe_folder" when a folder on the way to `real` stands in a shared folder and belongs neither to root nor to
 * us: its owner could exchange the file afterwards. `path` is for the message. Components that do not exist are no trouble.
 */
export function checkFolders(real: string, path: string): void {
  const parent = folderOf(real);
  if (parent === real) return;
  checkFolders(parent, path);
  const above = lstatSync(osPath(folderOf(parent)), { throwIfNoEntry: false });
  if (above === undefined || !isShared(above)) return;
  const folder = lstatSync(osPath(parent), { throwIfNoEntry: false });
  if (folder !== undefined && !isTrusted(folder.uid)) {
    throw new FileError({
      path,
      code: "unsafe_folder",
      message: `Refused to write ${path}: ${parent} belongs to user ${folder.uid} and stands in a folder that everybody can write to`,
      advice: `Find out who made ${parent}, remove it, then run the command again.`,
    });
  }
}

export function isTrusted(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}
