/**
 * Removes from the staging area what no synchronisation puts there: links, FIFOs, devices. rsync 3.2.7 follows a link left by an earlier run
 * (/etc/dropbear/pwned was written that way); newer versions refuse, so every later run would fail.
 * Invariants: follows no link; removes nothing outside the staging area; afterwards it holds only folders and files.
 */
import type { Files } from "@nethsec/host/host";

/** Returns the removed paths, relative to `stagingDir`. */
export function cleanStaging(files: Files, stagingDir: string): string[] {
  const removed: string[] = [];
  const visit = (dir: string): void => {
    for (const name of files.list(`${stagingDir}${dir}`)) {
      const path = `${dir}/${name}`;
      const type = files.stat(`${stagingDir}${path}`)?.type;
      if (type === "directory") visit(path);
      else if (type !== "file") {
        files.remove(`${stagingDir}${path}`);
        removed.push(path);
      }
    }
  };
  const top = files.stat(stagingDir);
  if (top?.type === "directory") visit("");
  else if (top !== undefined) {
    files.remove(stagingDir);
    removed.push("");
  }
  return removed;
}
