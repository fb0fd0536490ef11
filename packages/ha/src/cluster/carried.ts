/**
 * Marks a backup that was master after the primary last fetched its state, so that its state is the newer one. Survives a reboot.
 * Set when the node becomes master, cleared when the first synchronisation after that has been applied: the primary fetches everything
 * before it sends.
 */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";
import { lastingPath, removeLasting, writeLasting } from "./lasting-file.ts";

const name = "carried.json";
const carriedSchema = v.object({ since: v.number() });

/** Epoch milliseconds of the takeover; undefined: this node's state came from the primary. */
export function carriedSince(files: Pick<Host["files"], "readText" | "exists">): number | undefined {
  return readJson(files, lastingPath(files, name), carriedSchema)?.since;
}

/** Works with a full disk too: the mark is then kept in memory, and a later call writes it to disk. */
export function markCarried({ files, clock }: Pick<Host, "files" | "clock">): void {
  const since = carriedSince(files);
  if (since !== undefined && lastingPath(files, name).startsWith("/etc/")) return;
  writeLasting(files, name, `${JSON.stringify({ since: since ?? clock.now() })}\n`);
}

export function clearCarried(files: Pick<Host["files"], "remove">): void {
  removeLasting(files, name);
}
