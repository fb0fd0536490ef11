/**
 * Watches a folder and all folders below it, one watch each. Does not use the runtime's recursive watch: in Bun 1.4.5 it keeps the watches of folders
 * that were moved out of the tree, and reports their events under the old path.
 * Invariants: a folder that leaves the tree, or is replaced by another, is no longer watched; a new folder is watched before it is listed, so that no
 * entry is missed.
 */
import { type FSWatcher, lstatSync, readdirSync, watch } from "node:fs";
import { errnoOf } from "./file-error.ts";
import { inFolder } from "./folder-of.ts";
import { osPath, pathText } from "./os-path.ts";

interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/** `changed` gets the path of each change. Returns a function that stops watching. Throws the system's error when the tree cannot be watched as a whole. */
export function watchTree(root: string, changed: (path: string) => void): () => void {
  const folders = new Map<string, Watched>();

  const drop = (path: string): void => {
    for (const [folder, { watcher }] of folders) {
      if (folder !== path && !folder.startsWith(`${path}/`)) continue;
      watcher.close();
      folders.delete(folder);
    }
  };

  const add = (path: string): void => {
    const identity = folderIdentity(path);
    if (identity === undefined) return;
    try {
      const watcher = watch(osPath(path), { encoding: "buffer" }, (_event, name) => {
        event(path, name === null || typeof name === "string" ? undefined : pathText(name));
      });
      watcher.on("error", () => drop(path));
      folders.set(path, { watcher, identity });
      for (const name of readdirSync(osPath(path), { encoding: "buffer" })) add(inFolder(path, pathText(name)));
    } catch (thrown) {
      if (errnoOf(thrown) !== "ENOENT" && errnoOf(thrown) !== "ENOTDIR") throw thrown;
      drop(path); // removed between lstat and watch
    }
  };

  const event = (folder: string, name: string | undefined): void => {
    if (!folders.has(folder)) return;
    const path = name === undefined ? folder : inFolder(folder, name);
    const known = folders.get(path);
    const identity = folderIdentity(path);
    if (known?.identity !== identity) {
      drop(path);
      try {
        add(path);
      } catch {
        drop(path); // no watch available for it: its changes are found only by the caller's periodic checks
      }
    }
    changed(path);
  };

  const stop = (): void => {
    for (const { watcher } of folders.values()) watcher.close();
    folders.clear();
  };
  try {
    add(root);
  } catch (thrown) {
    stop();
    throw thrown;
  }
  return stop;
}

/** undefined: not a folder. */
function folderIdentity(path: string): string | undefined {
  try {
    const stats = lstatSync(osPath(path));
    return stats.isDirectory() ? `${stats.dev}:${stats.ino}:${stats.birthtimeMs}` : undefined;
  } catch {
    return undefined;
  }
}
