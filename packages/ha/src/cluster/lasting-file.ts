/**
 * Small values that should survive a reboot, and must be stored even on a full disk: in /etc/ns-ha if writable, else in memory until it is.
 */
import { FileError } from "@nethsec/host/files/file-error";
import type { Files } from "@nethsec/host/host";

const onDisk = (name: string): string => `/etc/ns-ha/${name}`;
/** On tmpfs. */
const inMemory = (name: string): string => `/var/run/ns-ha/${name}`;

/** True when the value is on disk, so that it survives a reboot. Rethrows errors other than FileError. */
export function writeLasting(files: Pick<Files, "write" | "remove">, name: string, text: string): boolean {
  try {
    files.write(onDisk(name), text, { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    files.write(inMemory(name), text, { mode: 0o600 });
    return false;
  }
  files.remove(inMemory(name));
  return true;
}

/** Path of the current copy; a nonexistent path when there is none. */
export function lastingPath(files: Pick<Files, "exists">, name: string): string {
  return files.exists(inMemory(name)) ? inMemory(name) : onDisk(name);
}

export function removeLasting(files: Pick<Files, "remove">, name: string): void {
  for (const path of [onDisk(name), inMemory(name)]) files.remove(path);
}
