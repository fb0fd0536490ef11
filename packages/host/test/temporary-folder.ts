/**
 * Folders that a test makes and removes. Only a folder that was made here is ever removed: a variable that was never set, or a path worked out from one, must
 * not name something else (a cleanup after a failed preparation once did, and removed the folder above the project).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { isAbsolute } from "node:path";

const made = new Set<string>();

/** Makes a folder whose path begins with `prefix`, which must be absolute. */
export function makeFolder(prefix: string): string {
  if (!isAbsolute(prefix)) throw new Error(`not an absolute path: "${prefix}"`);
  const folder = mkdtempSync(prefix);
  made.add(folder);
  return folder;
}

/** Removes a folder that {@link makeFolder} made in this process; anything else is left alone, as after a preparation that failed. */
export function removeFolder(folder: string): void {
  if (made.delete(folder)) rmSync(folder, { recursive: true, force: true });
}
