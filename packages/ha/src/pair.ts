/**
 * Changes of both nodes, from the primary: one after the other, and if the second refuses the first is put back as it was.
 * A journal on disk tells of a change that was cut off (power, kill): `status` shows it, and running the action again completes it.
 * Invariants: one change at a time; the journal is there exactly while the nodes may differ.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { applyNode } from "./apply-node.ts";
import { haPaths } from "./config.ts";
import type { NodeHost } from "./node-changes.ts";
import { configurationFiles, snapshot } from "./rollback.ts";

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

export interface PairChange {
  /** As typed after `ns-ha-config`: for the journal and for messages. */
  readonly action: string;
  /** `again`: an interrupted run of the same action is being completed. */
  readonly first: (again: boolean) => Promise<unknown>;
  readonly second: () => Promise<unknown>;
  /** Puts back what `first` did. */
  readonly undoFirst: () => Promise<unknown>;
}

export async function changePair(host: Pick<Host, "files" | "clock">, change: PairChange): Promise<void> {
  const before = readJournal(host);
  if (before !== undefined && isUnderWay(host, before)) {
    throw new NethsecError({
      code: "change_under_way",
      message: `Another change of the cluster is under way: ns-ha-config ${before.action}.`,
      advice: "Wait until it has ended, then try again.",
    });
  }
  const again = before?.action === change.action;
  if (before !== undefined && !again) throw interrupted(before);
  const note = (firstDone: boolean): void => {
    const journal: Journal = { action: change.action, startedAt: host.clock.now(), pid: process.pid, firstDone };
    host.files.write(journalPath, `${JSON.stringify(journal)}\n`, { mode: 0o600 });
  };
  note(before?.firstDone ?? false);
  try {
    if (before?.firstDone !== true) await change.first(again);
  } catch (error) {
    // The first node put itself back; what an earlier run left half-way remains so.
    if (!again) host.files.remove(journalPath);
    throw error;
  }
  note(true);
  try {
    await change.second();
  } catch (error) {
    // What was before an interrupted run is not known any more: the administrator may have changed other things since.
    if (again) throw error;
    await change.undoFirst();
    host.files.remove(journalPath);
    throw error;
  }
  host.files.remove(journalPath);
}

export function interrupted(journal: Journal): NethsecError {
  return new NethsecError({
    code: "change_interrupted",
    message: `An earlier change was interrupted, and the nodes may differ: ns-ha-config ${journal.action}`,
    advice: `Run it again to complete it: ns-ha-config ${journal.action}`,
  });
}

/** This node first, then the backup: the usual order. The files are put back and made effective again if the backup refuses. */
export function hereThenThere(
  host: NodeHost,
  action: string,
  here: (again: boolean) => Promise<unknown>,
  there: () => Promise<unknown>,
): PairChange {
  const before = snapshot(host.files, configurationFiles);
  return {
    action,
    first: here,
    second: there,
    undoFirst: async () => {
      before.restore();
      await applyNode(host);
    },
  };
}
