/**
 * Small facts that should outlive a reboot but must not be lost to a full disk: in /etc/ns-ha when that can be written, else in memory until it can.
 */
import { FileError } from "@nethsec/host/files/file-error";
import type { Files } from "@nethsec/host/host";

const onDisk = (name: string): string => `/etc/ns-ha/${name}`;
/** On tmpfs. */
const inMemory = (name: string): string => `/var/run/ns-ha/${name}`;

/** True when it will outlive a reboot. Throws what is no trouble of the disk. */
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

/** Where it is; a path that does not exist when it is nowhere. */
export function lastingPath(files: Pick<Files, "exists">, name: string): string {
  return files.exists(inMemory(name)) ? inMemory(name) : onDisk(name);
}

export function removeLasting(files: Pick<Files, "remove">, name: string): void {
  for (const path of [onDisk(name), inMemory(name)]) files.remove(path);
}
