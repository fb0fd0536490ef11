import { downloadLimit } from "@nethsec/host/files/download-limit";
import type { Host } from "@nethsec/host/host";

/** More than any archive of a configuration. */
const largestArchive = 1024 ** 3;

/** Bytes that an archive below `dir` may have which is decrypted beside itself. */
export function archiveLimit(host: Pick<Host, "system" | "files">, dir: string): number {
  return Math.min(largestArchive, Math.floor(downloadLimit(host, dir) / 2));
}
