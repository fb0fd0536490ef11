import { closeSync, constants, fsyncSync, openSync } from "node:fs";
import { osPath } from "./os-path.ts";

/** Makes renames in a folder durable across a power loss (fsync(2): the folder's entry is not written with the file). Throws the system's error. */
export function syncFolder(path: string): void {
  const fd = openSync(osPath(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
