/**
 * `Files` of the machine itself, or of a folder used as its root (`root`).
 *
 * Invariants: a file is replaced whole or not at all; files or links planted by another user in a shared folder are neither followed nor written to;
 * opening a FIFO or device never blocks; every operating error is a {@link FileError}.
 */
import * as fs from "node:fs";
import { errnoOf, FileError, fileError } from "./file-error.ts";
import { folderOf, inFolder } from "./folder-of.ts";
import { osPath, pathText } from "./os-path.ts";
import type { Files, FileStat } from "../host.ts";
import { beginReplacement } from "./replacement.ts";
import { joinRoot, resolveInRoot } from "./rooted-path.ts";
import { checkFolders, isShared, isTrusted } from "./shared-folder.ts";
import { watchPath } from "./watch-path.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = fs.constants;

/** Larger than any file that this product reads in one piece. */
const readLimitBytes = 512 * 1024 * 1024;

/** `root`: an existing folder, "/" for the machine itself. */
export function localFiles(root: string): Files {
  const followed = (path: string): string => resolveInRoot(root, path, true);
  const unfollowed = (path: string): string => resolveInRoot(root, path, false);

  const attempt = <T>(verb: string, path: string, work: () => T): T => {
    try {
      return work();
    } catch (thrown) {
      throw fileError(verb, path, thrown);
    }
  };
  const unlessMissing = <T>(verb: string, path: string, work: () => T): T | undefined => {
    try {
      return work();
    } catch (thrown) {
      if (errnoOf(thrown) === "ENOENT" || errnoOf(thrown) === "ENOTDIR") return undefined;
      throw fileError(verb, path, thrown);
    }
  };

  const readBytes = (path: string): Buffer | undefined =>
    unlessMissing("read", path, () => readRegular(followed(path), path));
  const stat = (path: string, options: { follow?: boolean } = {}): FileStat | undefined =>
    unlessMissing("look at", path, () =>
      fileStat(options.follow === true ? fs.statSync(osPath(followed(path))) : fs.lstatSync(osPath(unfollowed(path)))),
    );

  return {
    root,
    real: (path) => joinRoot(root, path),
    readText: (path) => readBytes(path)?.toString("utf8"),
    readBytes,
    readStream: (path) => Bun.file(followed(path)).stream(),
    stat,
    exists: (path) => stat(path) !== undefined,
    list: (dir) =>
      (unlessMissing("list", dir, () => fs.readdirSync(osPath(followed(dir)), { encoding: "buffer" })) ?? [])
        .toSorted((a, b) => a.compare(b))
        .map(pathText),
    write: (path, data, options = {}) => {
      attempt("write", path, () => {
        const file = beginReplacement(options.follow === true ? followed(path) : unfollowed(path), path, options.mode);
        file.write(typeof data === "string" ? Buffer.from(data) : data);
        file.commit();
      });
    },
    append: (path, data, options = {}) => {
      attempt("write", path, () => {
        appendFile(unfollowed(path), path, data, options.mode ?? 0o644);
      });
    },
    mkdir: (path, options = {}) => {
      attempt("make the folder", path, () => {
        makeFolder(followed(path), path, options);
      });
    },
    rename: (from, to) => {
      attempt("rename", from, () => {
        fs.renameSync(osPath(unfollowed(from)), osPath(unfollowed(to)));
      });
    },
    symlink: (target, path) => {
      attempt("make the link", path, () => {
        fs.symlinkSync(osPath(target), osPath(unfollowed(path)));
      });
    },
    readlink: (path) =>
      unlessMissing("read the link", path, () => {
        const real = osPath(unfollowed(path));
        return fs.lstatSync(real).isSymbolicLink()
          ? pathText(fs.readlinkSync(real, { encoding: "buffer" }))
          : undefined;
      }),
    chmod: (path, mode) => {
      attempt("change the mode of", path, () => {
        fs.chmodSync(osPath(followed(path)), mode);
      });
    },
    remove: (path, options = {}) => {
      attempt("remove", path, () => {
        removeEntry(unfollowed(path), options.recursive === true);
      });
    },
    watch: (path, changed, signal) => {
      watchPath(joinRoot(root, path), (real) => changed(root === "/" ? real : real.slice(root.length)), signal);
    },
  };
}

function fileStat(stats: fs.Stats): FileStat {
  const type = stats.isFile()
    ? "file"
    : stats.isDirectory()
      ? "directory"
      : stats.isSymbolicLink()
        ? "symlink"
        : "other";
  return {
    type,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    mtimeMs: stats.mtimeMs,
    ctimeMs: stats.ctimeMs,
    ino: stats.ino,
  };
}

function withFile<T>(real: string, flags: number, mode: number, work: (fd: number) => T): T {
  const fd = fs.openSync(osPath(real), flags, mode);
  try {
    return work(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function readRegular(real: string, path: string): Buffer {
  return withFile(real, O_RDONLY | O_NONBLOCK, 0, (fd) => {
    const stats = fs.fstatSync(fd);
    if (stats.isDirectory())
      throw new FileError({
        path,
        code: "is_a_folder",
        errno: "EISDIR",
        message: `Cannot read ${path}: it is a folder`,
      });
    if (!stats.isFile())
      throw new FileError({ path, code: "not_a_file", message: `Cannot read ${path}: it is not a regular file` });
    if (stats.size > readLimitBytes)
      throw new FileError({ path, code: "file_too_large", message: `Cannot read ${path}: it has ${stats.size} bytes` });
    return fs.readFileSync(fd);
  });
}

function makeFolder(real: string, path: string, { mode, gid }: { mode?: number; gid?: number }): void {
  checkFolders(real, path);
  fs.mkdirSync(osPath(folderOf(real)), { recursive: true, mode: 0o755 });
  try {
    fs.mkdirSync(osPath(real), { mode: (mode ?? 0o755) & 0o777 });
    if (gid !== undefined) fs.chownSync(osPath(real), -1, gid);
    fs.chmodSync(osPath(real), mode ?? 0o755);
  } catch (thrown) {
    if (errnoOf(thrown) !== "EEXIST") throw thrown;
    if (!fs.statSync(osPath(real)).isDirectory())
      throw new FileError({
        path,
        code: "not_a_folder",
        message: `Cannot make the folder ${path}: a file is there`,
        cause: thrown,
      });
    checkFolders(inFolder(real, "x"), path);
    if (gid !== undefined) fs.chownSync(osPath(real), -1, gid);
    // After chown: changing the group clears the setgid bit.
    if (mode !== undefined) fs.chmodSync(osPath(real), mode);
  }
}

function appendFile(real: string, path: string, data: string, mode: number): void {
  checkFolders(real, path);
  fs.mkdirSync(osPath(folderOf(real)), { recursive: true, mode: 0o755 });
  // O_NONBLOCK: opening must not block if the file was replaced by a FIFO.
  withFile(real, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode, (fd) => {
    const stats = fs.fstatSync(fd);
    if (!stats.isFile())
      throw new FileError({ path, code: "not_a_file", message: `Cannot write ${path}: it is not a regular file` });
    if (!isTrusted(stats.uid) && isShared(fs.statSync(osPath(folderOf(real))))) {
      throw new FileError({
        path,
        code: "unsafe_file",
        message: `Refused to write ${path}: it belongs to user ${stats.uid}, in a folder that everybody can write to`,
      });
    }
    const bytes = Buffer.from(data);
    const written = fs.writeSync(fd, bytes);
    if (written < bytes.length) throw Object.assign(new Error("short write"), { code: "ENOSPC" });
  });
}

function removeEntry(real: string, recursive: boolean): void {
  if (recursive) {
    fs.rmSync(osPath(real), { recursive: true, force: true });
    return;
  }
  try {
    fs.unlinkSync(osPath(real));
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT" && errnoOf(thrown) !== "ENOTDIR") throw thrown;
  }
}
