import { downloadLimit } from "@nethsec/host/files/download-limit";
import type { Host } from "@nethsec/host/host";

/** Bytes; no archive of a configuration is larger. */
const largestArchive = 1024 ** 3;

/** Largest size, in bytes, of an archive in `dir` that leaves room for its decrypted copy in the same folder. */
export function archiveLimit(host: Pick<Host, "system" | "files">, dir: string): number {
  return Math.min(largestArchive, Math.floor(downloadLimit(host, dir) / 2));
}
