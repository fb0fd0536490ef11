/**
 * Watches a file or a folder tree (inotify through node:fs), also one that does not exist yet, is removed and made again, or is replaced by rename.
 * A hint, never the truth: events coalesce, and on trouble the watched path itself is reported; the caller looks at the files again.
 */
import { type FSWatcher, lstatSync, watch } from "node:fs";
import { dirname, join } from "node:path";

/** `changed` gets the real path of what changed; nothing is reported after `signal` aborts. */
export function watchPath(real: string, changed: (real: string) => void, signal: AbortSignal): void {
  let watchers: FSWatcher[] = [];
  let seen = identity(real);
  const stop = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };

  const on = (folder: string, recursive: boolean, event: (name: string | undefined) => void): void => {
    const watcher = watch(folder, { recursive }, (_event, name) => {
      if (!signal.aborted) event(typeof name === "string" ? name : undefined);
    });
    watcher.on("error", start);
    watchers.push(watcher);
  };

  /** The tree when it is a folder; else the nearest folder above that exists, to see it come. */
  const start = (): void => {
    stop();
    if (signal.aborted) return;
    const tree = isFolder(real);
    const above = nearestFolder(dirname(real));
    const watched = { tree: identity(real), above: identity(above) };
    try {
      if (tree) on(real, true, (name) => inTree(name, watched.tree));
      else on(above, false, (name) => inAbove(above, name, watched.above));
    } catch (thrown) {
      // Removed between the look and the watch: look again. Anything else (no inotify watches left) is the caller's to know.
      if (identity(above) !== watched.above || identity(real) !== watched.tree) return start();
      throw thrown;
    }
    const now = identity(real);
    if (now === seen) return;
    seen = now;
    changed(real);
    if (isFolder(real) !== tree) start();
  };

  const inTree = (name: string | undefined, watched: string): void => {
    if (identity(real) === watched) changed(name === undefined ? real : join(real, name));
    else start();
  };

  const inAbove = (above: string, name: string | undefined, watched: string): void => {
    const at = name === undefined ? above : join(above, name);
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

/** Tells a path's file from one that took its place; inode numbers alone are used again at once by some file systems. Empty: none. */
function identity(path: string): string {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? "" : `${stats.dev}:${stats.ino}:${stats.birthtimeMs}`;
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function nearestFolder(path: string): string {
  return path === "/" || isFolder(path) ? path : nearestFolder(dirname(path));
}
