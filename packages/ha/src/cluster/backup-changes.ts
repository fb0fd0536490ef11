/** Schemas of changes made on the backup while it was active: as listed, as stored, and as sent to the primary. */
import * as v from "valibot";
import { optionsSchema } from "./network-records.ts";

export const changeSchema = v.object({
  /** A path, or `network.SECTION`. */
  name: v.string(),
  change: v.picklist(["changed", "added", "removed"]),
  /** Digest of the content at the takeover; absent if it was added since. */
  base: v.optional(v.string()),
  /** Digest of the present content; absent if it was removed. */
  digest: v.optional(v.string()),
});
export type Change = v.InferOutput<typeof changeSchema>;

const keptEntrySchema = v.object({
  ...changeSchema.entries,
  /** For a file that is kept. */
  file: v.optional(v.object({ mode: v.number(), uid: v.number(), gid: v.number(), size: v.number() })),
  /** For a link. */
  target: v.optional(v.string()),
  section: v.optional(v.object({ type: v.string(), options: optionsSchema })),
});
export type KeptEntry = v.InferOutput<typeof keptEntrySchema>;

export const keptSetSchema = v.object({
  /** Name of the set: epoch milliseconds of the moment it was stored. */
  id: v.pipe(v.string(), v.regex(/^\d{1,16}$/)),
  /** Epoch milliseconds of the takeover. */
  since: v.number(),
  entries: v.array(keptEntrySchema),
});
export type KeptSet = v.InferOutput<typeof keptSetSchema>;

/** The backup's answer. */
export const backupChangesSchema = v.object({
  /** Made since the takeover while this node is active; not stored yet. */
  current: v.array(changeSchema),
  /** Stored at failbacks, newest first. */
  kept: v.array(keptSetSchema),
});
export type BackupChanges = v.InferOutput<typeof backupChangesSchema>;

const namesShown = 10;

/** The first names and the number of the others, for use in a sentence. */
export function namesOf(changes: readonly Pick<Change, "name">[]): string {
  const shown = changes.slice(0, namesShown).map(({ name }) => name);
  const more = changes.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
