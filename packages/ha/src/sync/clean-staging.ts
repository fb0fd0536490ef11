/**
 * Takes out of the staging area what no synchronisation put there: links where there should be folders or files, FIFOs, devices. rsync
 * refuses to go through them (and must), so without this a spoilt staging area would stop every later run.
 * Invariants: follows no link; removes nothing outside the staging area; a link that the staged manifest describes stays.
 */
import type { Files } from "@nethsec/host/host";
import { parseManifest } from "./manifest.ts";
import { manifestPath } from "./path-rules.ts";

/** Removes what does not belong there; returns the paths, as they are below `stagingDir`. */
export function cleanStaging(files: Files, stagingDir: string): string[] {
  const links = stagedLinks(files, stagingDir);
  const removed: string[] = [];
  const visit = (dir: string): void => {
    for (const name of files.list(`${stagingDir}${dir}`)) {
      const path = `${dir}/${name}`;
      const type = files.stat(`${stagingDir}${path}`)?.type;
      if (type === "directory") visit(path);
      else if (type === "other" || (type === "symlink" && !links.has(path))) {
        files.remove(`${stagingDir}${path}`);
        removed.push(path);
      }
    }
  };
  if (files.stat(stagingDir)?.type === "directory") visit("");
  return removed;
}

/** Without a manifest that can be read, none: they are sent again. */
function stagedLinks(files: Files, stagingDir: string): ReadonlySet<string> {
  const path = `${stagingDir}${manifestPath}`;
  const folder = path.slice(0, path.lastIndexOf("/"));
  if (files.stat(folder)?.type !== "directory" || files.stat(path)?.type !== "file") return new Set();
  try {
    const { entries } = parseManifest(files.readText(path) ?? "");
    return new Set(entries.flatMap((entry) => (entry.type === "symlink" ? [entry.path] : [])));
  } catch {
    return new Set();
  }
}
