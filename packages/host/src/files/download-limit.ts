/** How large a download may be: /tmp and /var are memory that every program of the machine shares. */
import { posix } from "node:path";
import type { Host } from "../host.ts";

const leastFree = 16 * 1024 ** 2;

/** Bytes that a file below `dir` may have, so that a twentieth of the file system, at least 16 MiB, stays free. */
export function downloadLimit(host: Pick<Host, "system" | "files">, dir: string): number {
  let path = dir;
  // Folders that are missing are made later.
  while (path !== "/" && !host.files.exists(path)) path = posix.dirname(path);
  const { size, free } = host.system.fileSystem(path);
  return Math.max(0, free - Math.max(leastFree, Math.floor(size / 20)));
}
