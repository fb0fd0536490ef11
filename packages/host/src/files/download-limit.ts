/** The maximum size of a download: /tmp and /var are in RAM, shared by all programs. */
import { posix } from "node:path";
import type { Host } from "../host.ts";

const leastFree = 16 * 1024 ** 2;

/** Maximum bytes of a file below `dir` such that a twentieth of the file system, at least 16 MiB, stays free. */
export function downloadLimit(host: Pick<Host, "system" | "files">, dir: string): number {
  let path = dir;
  // Missing folders are created later: use the nearest existing one.
  while (path !== "/" && !host.files.exists(path)) path = posix.dirname(path);
  const { size, free } = host.system.fileSystem(path);
  return Math.max(0, free - Math.max(leastFree, Math.floor(size / 20)));
}
