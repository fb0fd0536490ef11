/** A recorded change of this node's configuration. Pure. */
import * as v from "valibot";
import { contentEntrySchema } from "../sync/manifest.ts";

/** A file or link with its content's digest; folders are not recorded. */
export type Entry = v.InferOutput<typeof contentEntrySchema>;

const changeSchema = v.object({
  path: v.string(),
  /** undefined: it did not exist. */
  before: v.optional(contentEntrySchema),
  /** undefined: it was removed. */
  after: v.optional(contentEntrySchema),
});
export type FileChange = v.InferOutput<typeof changeSchema>;

export const revisionSchema = v.object({
  /** Counts up from 1. */
  id: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** Milliseconds since 1970, wall clock of this node. */
  at: v.number(),
  /** Who changed it, as far as it is known: see author.ts. */
  by: v.string(),
  changes: v.array(changeSchema),
});
export type Revision = v.InferOutput<typeof revisionSchema>;

export const baseSchema = v.object({
  /** The last revision that the entries contain; 0: none. */
  upTo: v.number(),
  entries: v.array(contentEntrySchema),
});
export type Base = v.InferOutput<typeof baseSchema>;

export type Entries = ReadonlyMap<string, Entry>;

/** The entries with a revision applied. */
export function withRevision(entries: Entries, { changes }: Pick<Revision, "changes">): Map<string, Entry> {
  const result = new Map(entries);
  for (const { path, after } of changes) {
    if (after === undefined) result.delete(path);
    else result.set(path, after);
  }
  return result;
}

/** What turns `from` into `to`, by path. */
export function changesBetween(from: Entries, to: Entries): FileChange[] {
  const paths = [...new Set([...from.keys(), ...to.keys()])].sort();
  return paths.flatMap((path) => {
    const [before, after] = [from.get(path), to.get(path)];
    if (versionOf(before) === versionOf(after)) return [];
    return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
  });
}

/** "added", "changed", "removed", "mode" (owner or mode only). */
export function kindOf({ before, after }: FileChange): "added" | "changed" | "removed" | "mode" {
  if (before === undefined) return "added";
  if (after === undefined) return "removed";
  return contentOf(before) === contentOf(after) ? "mode" : "changed";
}

function contentOf(entry: Entry): string {
  return entry.type === "file" ? entry.sha256 : `link ${entry.target}`;
}

function versionOf(entry: Entry | undefined): string {
  if (entry === undefined) return "";
  return [contentOf(entry), entry.uid, entry.gid, entry.type === "file" ? entry.mode : 0].join(" ");
}
