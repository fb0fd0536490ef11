/**
 * Creates and removes the folders of tests. Only a folder created here is ever removed: an unset variable, or a path computed from one, must not
 * denote another folder (a cleanup after a failed preparation once removed the folder above the project).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { isAbsolute } from "node:path";

const made = new Set<string>();

/** Creates a folder whose path begins with `prefix`, which must be absolute. */
export function makeFolder(prefix: string): string {
  if (!isAbsolute(prefix)) throw new Error(`not an absolute path: "${prefix}"`);
  const folder = mkdtempSync(prefix);
  made.add(folder);
  return folder;
}

/** Removes a folder that {@link makeFolder} created in this process; any other value is ignored, as after a preparation that failed. */
export function removeFolder(folder: string): void {
  if (made.delete(folder)) rmSync(folder, { recursive: true, force: true });
}
