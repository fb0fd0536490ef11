/**
 * The journal of a restore, and recovery from a leftover one: the restore is finished, or else undone. In any case nothing is left that blocks
 * later restores, since these compare with the files as they are.
 * Invariant: `recoverRestore` never throws.
 */
import { syncFolder } from "@nethsec/host/files/sync-folder";
import type { Files } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import { type Operation, operationSchema, perform, undo } from "./restore-operations.ts";

/** On persistent storage: survives a power loss. */
export const journalPath = "/usr/share/keepalived/restore.json";

const journalSchema = v.object({
  version: v.literal(2),
  /** preparing: nothing is visible yet; committing: operations are being performed; cleaning: all are done. */
  state: v.picklist(["preparing", "committing", "cleaning"]),
  operations: v.array(operationSchema),
});
type Journal = v.InferOutput<typeof journalSchema>;

export function writeJournal(files: Files, state: Journal["state"], operations: readonly Operation[]): void {
  files.write(journalPath, JSON.stringify({ version: 2, state, operations }), { mode: 0o600 });
}

export interface Recovered {
  /** "abandoned": could neither finish nor undo, or could not read the journal; the next synchronisation repairs the files. */
  readonly result: "finished" | "undone" | "abandoned";
  /** Why the restore was not finished. */
  readonly trouble?: string;
}

/** Finishes or undoes an interrupted restore; undefined when there was none. To be called before anything else touches the files. */
export function recoverRestore(files: Files): Recovered | undefined {
  let journal: Journal;
  try {
    const text = files.readText(journalPath);
    if (text === undefined) return undefined;
    journal = v.parse(v.pipe(v.string(), v.parseJson(), journalSchema), text);
  } catch (error) {
    quietly(() => files.remove(journalPath, { recursive: true }));
    return { result: "abandoned", trouble: `its journal cannot be read: ${messageOf(error)}` };
  }
  const { state, operations } = journal;
  if (state === "preparing") return rollBack(files, operations, false) ?? { result: "undone" };
  if (state === "committing") {
    try {
      for (const operation of operations) perform(files, operation);
    } catch (error) {
      const trouble = messageOf(error);
      return { ...(rollBack(files, operations, true) ?? { result: "undone" }), trouble };
    }
  }
  quietly(() => tidy(files, operations));
  return { result: "finished" };
}

/** Performs the operations in order, then deletes the old content. On an error, rolls back and rethrows. */
export function commit(files: Files, operations: readonly Operation[], checkpoint: (step: string) => void): void {
  try {
    for (const operation of operations) {
      perform(files, operation);
      checkpoint(`${operation.kind} ${operation.path}`);
    }
    for (const folder of new Set(operations.map(({ path }) => path.slice(0, path.lastIndexOf("/")) || "/")))
      syncFolder(files.real(folder));
    writeJournal(files, "cleaning", operations);
  } catch (error) {
    if (!(error instanceof Interrupted)) rollBack(files, operations, true);
    throw error;
  }
  checkpoint("journal cleaning");
  // Leftovers that cannot be removed now are removed by the next recovery.
  quietly(() => tidy(files, operations));
}

/** Thrown by tests from a checkpoint to simulate SIGKILL: no cleanup is done. */
export class Interrupted extends Error {}

/** Undoes performed operations (if `begun`) and removes prepared files; undefined: complete success. */
export function rollBack(files: Files, operations: readonly Operation[], begun: boolean): Recovered | undefined {
  const troubles: string[] = [];
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      troubles.push(messageOf(error));
    }
  };
  if (begun) for (const operation of [...operations].reverse()) attempt(() => undo(files, operation));
  for (const operation of operations) {
    if (operation.kind === "replace" && operation.temporary !== undefined) {
      const { temporary } = operation;
      attempt(() => files.remove(temporary, { recursive: true }));
    }
  }
  attempt(() => files.remove(journalPath));
  return troubles.length === 0 ? undefined : { result: "abandoned", trouble: troubles[0] ?? "" };
}

function tidy(files: Files, operations: readonly Operation[]): void {
  for (const operation of operations)
    if (operation.kind === "replace" && operation.saved !== undefined)
      files.remove(operation.saved, { recursive: true });
  files.remove(journalPath);
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // e.g. a read-only file system: the next restore finds the same journal and retries.
  }
}
