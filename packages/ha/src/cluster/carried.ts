/**
 * The mark that this backup carried the site since the primary took its state last. It says whose state is the newer one, and outlives a reboot.
 * Set when the node becomes master, taken away when the first synchronisation after that was applied: the primary has fetched everything
 * before it sends.
 */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";
import { lastingPath, removeLasting, writeLasting } from "./lasting-file.ts";

const name = "carried.json";
const carriedSchema = v.object({ since: v.number() });

/** Since when (epoch milliseconds); undefined: what this node has came from the primary. */
export function carriedSince(files: Pick<Host["files"], "readText" | "exists">): number | undefined {
  return readJson(files, lastingPath(files, name), carriedSchema)?.since;
}

/** Also on a full disk, and on disk as soon as that can be written again. */
export function markCarried({ files, clock }: Pick<Host, "files" | "clock">): void {
  const since = carriedSince(files);
  if (since !== undefined && lastingPath(files, name).startsWith("/etc/")) return;
  writeLasting(files, name, `${JSON.stringify({ since: since ?? clock.now() })}\n`);
}

export function clearCarried(files: Pick<Host["files"], "remove">): void {
  removeLasting(files, name);
}
