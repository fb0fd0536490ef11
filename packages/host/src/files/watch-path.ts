/**
 * Watches a file or a folder tree (inotify through node:fs); works also if it does not exist yet, is removed and recreated, or is replaced by rename.
 * Events are only a hint: they coalesce, and on errors the watched path itself is reported; the caller reads the files again.
 */
import { lstatSync, watch } from "node:fs";
import { folderOf, inFolder } from "./folder-of.ts";
import { osPath, pathText } from "./os-path.ts";
import { watchTree } from "./watch-tree.ts";

/** `changed` gets the real path of what changed; nothing is reported after `signal` aborts. */
export function watchPath(real: string, changed: (real: string) => void, signal: AbortSignal): void {
  let end = (): void => undefined;
  let seen = identity(real);
  const stop = (): void => {
    end();
    end = () => undefined;
  };

  const onFolder = (folder: string, event: (name: string | undefined) => void): void => {
    const watcher = watch(osPath(folder), { encoding: "buffer" }, (_event, name) => {
      if (!signal.aborted) event(name === null || typeof name === "string" ? undefined : pathText(name));
    });
    watcher.on("error", start);
    end = () => watcher.close();
  };

  /** Watches the tree if it is a folder, otherwise the nearest existing folder above it, to notice its creation. */
  const start = (): void => {
    stop();
    if (signal.aborted) return;
    const tree = isFolder(real);
    const above = nearestFolder(folderOf(real));
    const watched = { tree: identity(real), above: identity(above) };
    try {
      if (tree) end = watchTree(real, (path) => inTree(path, watched.tree));
      else onFolder(above, (name) => inAbove(above, name, watched.above));
    } catch (thrown) {
      // Removed between lstat and watch: retry. Any other error (no inotify watches left) is the caller's.
      if (identity(above) !== watched.above || identity(real) !== watched.tree) return start();
      throw thrown;
    }
    const now = identity(real);
    if (now === seen) return;
    seen = now;
    changed(real);
    if (isFolder(real) !== tree) start();
  };

  const inTree = (path: string, watched: string): void => {
    if (signal.aborted) return;
    if (identity(real) === watched) changed(path);
    else start();
  };

  const inAbove = (above: string, name: string | undefined, watched: string): void => {
    const at = name === undefined ? above : inFolder(above, name);
    if (at !== above && at !== real && !real.startsWith(`${at}/`)) return;
    if (at === real) {
      seen = identity(real);
      changed(real);
    }
    if (at !== real || isFolder(real) || identity(above) !== watched) start();
  };

  signal.addEventListener("abort", stop, { once: true });
  start();
}

/** Distinguishes a file from its replacement. The inode number is not enough: some file systems reuse it at once. Empty: no file. */
function identity(path: string): string {
  const stats = lstatSync(osPath(path), { throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.dev}:${stats.ino}:${stats.birthtimeMs}`;
}

function isFolder(path: string): boolean {
  return lstatSync(osPath(path), { throwIfNoEntry: false })?.isDirectory() === true;
}

function nearestFolder(path: string): string {
  return path === "/" || isFolder(path) ? path : nearestFolder(folderOf(path));
}
