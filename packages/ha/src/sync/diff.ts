/** Differences between the primary's files and the backup's. Pure. */
import type { DiffEntry, Withheld } from "../cluster/agent-schemas.ts";
import type { ManifestEntry } from "./manifest.ts";

/** `here`: the primary's entries; `there`: what the backup answered to "held"; `withheld`: paths not sent now. Sorted by path. */
export function diffEntries(
  here: readonly ManifestEntry[],
  there: readonly ManifestEntry[],
  withheld: readonly Withheld[] = [],
): DiffEntry[] {
  const held = new Map(there.map((entry) => [entry.path, entry]));
  const own = new Set([...here, ...withheld].map(({ path }) => path));
  const notSent = withheld.map(({ path, reason }): DiffEntry => ({ path, change: "withheld", detail: reason }));
  const extra = there
    .filter(({ path }) => !own.has(path))
    .map(({ path }): DiffEntry => ({ path, change: "extra", detail: "only on the backup" }));
  return [...here.flatMap((entry) => difference(entry, held.get(entry.path))), ...extra, ...notSent].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

function difference(entry: ManifestEntry, other: ManifestEntry | undefined): DiffEntry[] {
  const { path } = entry;
  if (other === undefined) return [{ path, change: "missing", detail: "not on the backup" }];
  const content = contentOf(entry);
  if (content !== contentOf(other))
    return [{ path, change: "different", detail: `${sizeOf(entry)} here, ${sizeOf(other)} on the backup` }];
  if (entry.type !== "symlink" && other.type !== "symlink" && entry.mode !== other.mode) {
    return [{ path, change: "mode", detail: `${octal(entry.mode)} here, ${octal(other.mode)} on the backup` }];
  }
  if (entry.uid !== other.uid || entry.gid !== other.gid) {
    return [
      { path, change: "owner", detail: `${entry.uid}:${entry.gid} here, ${other.uid}:${other.gid} on the backup` },
    ];
  }
  return [];
}

function contentOf(entry: ManifestEntry): string {
  if (entry.type === "file") return entry.sha256;
  return entry.type === "symlink" ? `link to ${entry.target}` : "folder";
}

function sizeOf(entry: ManifestEntry): string {
  if (entry.type === "file") return `${entry.size} bytes`;
  return contentOf(entry);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
