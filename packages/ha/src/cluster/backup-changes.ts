/** Shapes of what somebody changed on the backup while it carried the site: as it is told, kept, and answered to the primary. */
import * as v from "valibot";
import { optionsSchema } from "./network-records.ts";

export const changeSchema = v.object({
  /** A path, or `network.SECTION`. */
  name: v.string(),
  change: v.picklist(["changed", "added", "removed"]),
  /** Digest of what it was at the takeover; absent for what was added. */
  base: v.optional(v.string()),
  /** Digest of what it is now; absent for what was removed. */
  digest: v.optional(v.string()),
});
export type Change = v.InferOutput<typeof changeSchema>;

const keptEntrySchema = v.object({
  ...changeSchema.entries,
  /** Of a file that is kept. */
  file: v.optional(v.object({ mode: v.number(), uid: v.number(), gid: v.number(), size: v.number() })),
  /** Of a link. */
  target: v.optional(v.string()),
  section: v.optional(v.object({ type: v.string(), options: optionsSchema })),
});
export type KeptEntry = v.InferOutput<typeof keptEntrySchema>;

export const keptSetSchema = v.object({
  /** Its name: epoch milliseconds of the moment it was kept. */
  id: v.pipe(v.string(), v.regex(/^\d{1,16}$/)),
  /** Epoch milliseconds of the takeover. */
  since: v.number(),
  entries: v.array(keptEntrySchema),
});
export type KeptSet = v.InferOutput<typeof keptSetSchema>;

/** What the backup answers. */
export const backupChangesSchema = v.object({
  /** Made since the takeover, while it carries the site; not kept yet. */
  current: v.array(changeSchema),
  /** Kept aside at failbacks, the newest first. */
  kept: v.array(keptSetSchema),
});
export type BackupChanges = v.InferOutput<typeof backupChangesSchema>;

const namesShown = 10;

/** Names for a sentence: the first ones, and how many more. */
export function namesOf(changes: readonly Pick<Change, "name">[]): string {
  const shown = changes.slice(0, namesShown).map(({ name }) => name);
  const more = changes.length - shown.length;
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
