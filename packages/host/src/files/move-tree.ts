/**
 * Moves a file, link or folder to a name that is free, or partly filled by an interrupted earlier move. Follows no link.
 * A folder of the read-only layer of an overlay cannot be renamed (EXDEV; Documentation/filesystems/overlayfs.rst, "redirect_dir"), but its entries
 * can, one by one. So a folder is renamed where that works; otherwise it is created anew and its entries are moved into it.
 * Invariant: moving back restores the original state, also after half a move.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
} from "node:fs";
import { errnoOf } from "./file-error.ts";
import { osPath, pathText } from "./os-path.ts";

/** Real paths, on one file system. Does nothing when `from` does not exist. Throws the system's error. */
export function moveTree(from: string, to: string): void {
  const source = lstatSync(osPath(from), { throwIfNoEntry: false });
  if (source === undefined) return;
  const target = lstatSync(osPath(to), { throwIfNoEntry: false });
  if (target === undefined || !source.isDirectory()) {
    try {
      renameSync(osPath(from), osPath(to));
      return;
    } catch (thrown) {
      if (errnoOf(thrown) !== "EXDEV" || !source.isDirectory()) throw thrown;
    }
  }
  if (target?.isDirectory() !== true) makeLike(source, to);
  for (const name of readdirSync(osPath(from), { encoding: "buffer" }).map(pathText))
    moveTree(`${from}/${name}`, `${to}/${name}`);
  rmdirSync(osPath(from));
}

function makeLike({ mode, uid, gid }: Stats, path: string): void {
  mkdirSync(osPath(path), { mode: 0o700 });
  lchownSync(osPath(path), uid, gid);
  chmodSync(osPath(path), mode & 0o7777);
}

/** Creates a second name for a file or link, so that the first can be replaced atomically; copies where the file system has no hard links. */
export function keepAside(path: string, aside: string): void {
  try {
    linkSync(osPath(path), osPath(aside));
  } catch (thrown) {
    if (!["EPERM", "EMLINK", "EXDEV", "ENOTSUP", "EOPNOTSUPP"].includes(errnoOf(thrown) ?? "")) throw thrown;
    copyAside(path, aside);
  }
}

function copyAside(path: string, aside: string): void {
  const stats = lstatSync(osPath(path));
  const isLink = stats.isSymbolicLink();
  if (isLink) symlinkSync(osPath(pathText(readlinkSync(osPath(path), { encoding: "buffer" }))), osPath(aside));
  else copyFileSync(osPath(path), osPath(aside), constants.COPYFILE_EXCL);
  lchownSync(osPath(aside), stats.uid, stats.gid);
  if (!isLink) chmodSync(osPath(aside), stats.mode & 0o7777);
}
