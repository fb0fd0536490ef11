/**
 * An all-or-nothing change of this node: saves the files before, and restores them byte for byte, with their modes, when anything fails.
 * `undo` then applies the restored configuration.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Files } from "@nethsec/host/host";
import { savedMembershipPath } from "../cluster/saved-membership.ts";
import { dropUndo, lockNodeChange, readUndo, type Remembered, undoPath, writeUndo } from "./undo-record.ts";

/** Saved files that can be restored any number of times. */
export interface Snapshot {
  readonly remembered: readonly Remembered[];
  /** Returns the paths that differed from the saved state. */
  restore(): string[];
}

/** `paths`: single files; a missing file is removed on restore. */
export function snapshot(files: Files, paths: readonly string[]): Snapshot {
  return snapshotOf(files, rememberedFiles(files, paths));
}

function rememberedFiles(files: Files, paths: readonly string[]): Remembered[] {
  return paths.map((path): Remembered => {
    const bytes = files.readBytes(path);
    const mode = files.stat(path)?.mode;
    return { path, was: bytes === undefined || mode === undefined ? undefined : { bytes, mode } };
  });
}

function snapshotOf(files: Files, all: readonly Remembered[]): Snapshot {
  return {
    remembered: all,
    restore: () =>
      all.flatMap(({ path, was }) => {
        const now = files.readBytes(path);
        if (was === undefined) {
          if (now === undefined) return [];
          files.remove(path);
          return [path];
        }
        if (now !== undefined && Buffer.from(now).equals(was.bytes) && files.stat(path)?.mode === was.mode) return [];
        files.write(path, was.bytes, { mode: was.mode });
        return [path];
      }),
  };
}

/**
 * Runs `work`. When it throws, restores the files, runs `undo` (whose own failure is dropped in favour of the first error), and rethrows. If the
 * process is killed, the next caller, or {@link recoverChange}, does this. Throws `change_under_way` while another process makes a change.
 */
export async function withRollback<T>(
  files: Files,
  paths: readonly string[],
  work: () => Promise<T>,
  undo: () => Promise<unknown>,
): Promise<T> {
  using lock = lockNodeChange(files);
  if (lock === undefined) {
    throw new NethsecError({
      code: "change_under_way",
      message: "Another change of this node's part of the cluster is under way.",
      advice: "Wait until it has ended, then try again.",
    });
  }
  const left = readUndo(files);
  if (left !== undefined) await putBack(files, snapshotOf(files, left), undo);
  const before = snapshot(files, paths);
  writeUndo(files, before.remembered);
  try {
    const done = await work();
    dropUndo(files);
    return done;
  } catch (error) {
    await putBack(files, before, undo);
    throw error;
  }
}

/** Rolls back a change whose process was killed. True: there was one; false: none, or a change is still under way. */
export async function recoverChange(files: Files, undo: () => Promise<unknown>): Promise<boolean> {
  if (!files.exists(undoPath)) return false;
  using lock = lockNodeChange(files);
  const left = lock === undefined ? undefined : readUndo(files);
  if (left === undefined) return false;
  await putBack(files, snapshotOf(files, left), undo);
  return true;
}

async function putBack(files: Files, before: Snapshot, undo: () => Promise<unknown>): Promise<void> {
  before.restore();
  dropUndo(files);
  await undo().catch(() => undefined);
}

/** Every file that a change of the cluster's configuration touches on one node. */
export const configurationFiles: readonly string[] = [
  "/etc/config/keepalived",
  savedMembershipPath,
  "/etc/config/dropbear",
  "/etc/config/firewall",
  "/etc/config/network",
  "/etc/conntrackd/conntrackd.conf",
  "/etc/dropbear/authorized_keys",
];
