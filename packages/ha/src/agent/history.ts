/**
 * The timeline of this node: two rotating files of JSON lines on disk, so that a failover can be analysed after a reboot.
 * Invariants: at most two files of `maxBytes` each; only rare events are written (transitions, faults, syncs that changed something), since
 * the disk may be flash; a damaged line is skipped.
 */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { type HistoryEntry, historyEntrySchema } from "../cluster/agent-schemas.ts";

export const historyPath = "/etc/ns-ha/history.jsonl";
const olderPath = `${historyPath}.1`;
const maxBytes = 64 * 1024;

export class History {
  readonly #host: Pick<Host, "files" | "clock">;
  readonly #listeners = new Set<(entry: HistoryEntry) => void>();
  constructor(host: Pick<Host, "files" | "clock">) {
    this.#host = host;
  }

  add(entry: Omit<HistoryEntry, "at">): void {
    const { files, clock } = this.#host;
    const full: HistoryEntry = { at: clock.now(), ...entry };
    if ((files.stat(historyPath)?.size ?? 0) > maxBytes) files.rename(historyPath, olderPath);
    files.mkdir("/etc/ns-ha", { mode: 0o755 });
    files.append(historyPath, `${JSON.stringify(full)}\n`, { mode: 0o600 });
    for (const listener of this.#listeners) listener(full);
  }

  /** The last `limit` entries, oldest first. */
  list(limit: number): HistoryEntry[] {
    const { files } = this.#host;
    const lines = [olderPath, historyPath].flatMap((path) => (files.readText(path) ?? "").split("\n"));
    return lines.flatMap(parseEntry).slice(-limit);
  }

  /** Calls `listener` for each new entry until the signal aborts. */
  follow(listener: (entry: HistoryEntry) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }
}

function parseEntry(line: string): HistoryEntry[] {
  if (line === "") return [];
  try {
    return [v.parse(historyEntrySchema, JSON.parse(line))];
  } catch {
    return []; // cut by a power loss
  }
}

/** Merges both nodes' entries into one timeline, sorted by time, without duplicates. Pure. */
export function mergeHistory(
  own: readonly HistoryEntry[],
  other: readonly HistoryEntry[],
  limit: number,
): HistoryEntry[] {
  const all = new Map(
    [...own, ...other].map((entry) => [JSON.stringify([entry.at, entry.node, entry.kind, entry.text]), entry]),
  );
  return [...all.values()].sort((a, b) => a.at - b.at).slice(-limit);
}
