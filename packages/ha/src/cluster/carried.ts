/**
 * The mark that this backup carried the site since the primary took its state last. It says whose state is the newer one, and outlives a reboot.
 * Set when the node becomes master, taken away when the first synchronisation after that was applied: the primary has fetched everything
 * before it sends.
 */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

const carriedPath = "/etc/ns-ha/carried.json";
const carriedSchema = v.object({ since: v.number() });

/** Since when (epoch milliseconds); undefined: what this node has came from the primary. */
export function carriedSince(files: Pick<Host["files"], "readText">): number | undefined {
  return readJson(files, carriedPath, carriedSchema)?.since;
}

export function markCarried(host: Pick<Host, "files" | "clock">): void {
  if (carriedSince(host.files) !== undefined) return;
  host.files.write(carriedPath, `${JSON.stringify({ since: host.clock.now() })}\n`, { mode: 0o600 });
}

export function clearCarried(files: Pick<Host["files"], "remove">): void {
  files.remove(carriedPath);
}
