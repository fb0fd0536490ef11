/**
 * Protects root's writes in folders that others can write to (/tmp, /var/run on some systems): entries that an unprivileged user may have planted are
 * refused. The kernel's fs.protected_symlinks covers part of this, where it is enabled.
 */
import { lstatSync, type Stats } from "node:fs";
import { FileError } from "./file-error.ts";
import { osPath } from "./os-path.ts";
import { folderOf } from "./folder-of.ts";

/** True when the folder is world-writable. */
export function isShared(folder: Stats): boolean {
  return (folder.mode & 0o002) !== 0;
}

/**
 * Throws {@link FileError} "unsafe_folder" when a folder on the path `real` lies in a shared folder and belongs neither to root nor to us: its owner
 * could replace the file later. `path` is for the message. Missing components are not an error.
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
