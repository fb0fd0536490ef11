/**
 * Changes of both nodes, run on the primary: one node after the other; if the second fails, the first is rolled back.
 * An interrupted change (power, kill) stays in the journal: `status` shows it, and running the action again completes it.
 * Invariants: one change at a time; the journal exists exactly while the nodes may differ.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { applyNode } from "../keepalived/apply-node.ts";
import { interrupted, type Journal, journalPath, lockChange, readJournal } from "../cluster/journal.ts";
import type { NodeHost } from "./node-changes.ts";
import { configurationFiles, snapshot } from "./rollback.ts";

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
  using lock = lockChange(host);
  if (lock === undefined) {
    const what = before === undefined ? "" : `: ns-ha-config ${before.action}`;
    throw new NethsecError({
      code: "change_under_way",
      message: `Another change of the cluster is under way${what}.`,
      advice: "Wait until it has ended, then try again.",
    });
  }
  const again = before?.action === change.action;
  if (before !== undefined && !again) throw interrupted(before);
  const note = (firstDone: boolean): void => {
    const journal: Journal = { action: change.action, startedAt: host.clock.now(), firstDone };
    host.files.write(journalPath, `${JSON.stringify(journal)}\n`, { mode: 0o600 });
  };
  note(before?.firstDone ?? false);
  try {
    if (before?.firstDone !== true) await change.first(again);
  } catch (error) {
    // The first node rolled itself back. If this run was completing an earlier one, the nodes still differ: keep the journal.
    if (!again) host.files.remove(journalPath);
    throw error;
  }
  note(true);
  try {
    await change.second();
  } catch (error) {
    // The state before an interrupted run is unknown (the administrator may have changed other things since): no rollback.
    if (again) throw error;
    await change.undoFirst();
    host.files.remove(journalPath);
    throw error;
  }
  host.files.remove(journalPath);
}

/** This node first, then the backup: the usual order. If the backup refuses, this node's files are restored and applied again. */
export function primaryThenBackup(
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
