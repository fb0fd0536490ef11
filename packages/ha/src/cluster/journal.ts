/**
 * The journal of a change of both nodes: on disk while the nodes may differ, so that a change that was cut off (power, kill) is known.
 * Loads little: `status` reads it.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { haPaths } from "./config.ts";

/** Beside the keys, because that folder is not synchronised: the backup must not believe that a change of its own was interrupted. */
export const journalPath: string = `${haPaths.keysDir}/change.json`;

const journalSchema = v.object({
  /** The command line after `ns-ha-config`. */
  action: v.string(),
  /** Milliseconds since 1970. */
  startedAt: v.number(),
  pid: v.number(),
  /** The first of the two nodes has been changed. */
  firstDone: v.boolean(),
});
export type Journal = v.InferOutput<typeof journalSchema>;

/** The change that was begun and not ended; undefined when there is none. */
export function readJournal(host: Pick<Host, "files">): Journal | undefined {
  const text = host.files.readText(journalPath);
  if (text === undefined) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), journalSchema), text);
  return parsed.success ? parsed.output : undefined;
}

/** True while the process that began it lives. */
export function isUnderWay(host: Pick<Host, "files">, journal: Journal): boolean {
  return journal.pid !== process.pid && (host.files.readText(`/proc/${journal.pid}/cmdline`) ?? "").includes("ns");
}

export function interrupted(journal: Journal): NethsecError {
  return new NethsecError({
    code: "change_interrupted",
    message: `An earlier change was interrupted, and the nodes may differ: ns-ha-config ${journal.action}`,
    advice: `Run it again to complete it: ns-ha-config ${journal.action}`,
  });
}
