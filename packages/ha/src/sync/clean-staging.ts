/**
 * Takes out of the staging area what no synchronisation puts there: links, FIFOs, devices. rsync 3.2.7 goes through a link that an earlier run left
 * (/etc/dropbear/pwned was written that way), newer ones refuse and so would stop every later run.
 * Invariants: follows no link; removes nothing outside the staging area; afterwards it holds folders and files only.
 */
import type { Files } from "@nethsec/host/host";

/** Returns the paths that were removed, as they are below `stagingDir`. */
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
