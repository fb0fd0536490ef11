/**
 * Applying a staging area: all of it or nothing (design decision 5; contract ns-ha 7, promises 3 and 4).
 *
 * How: restore-plan.ts compares; files that differ are copied beside their destination under a temporary name, each copy verified against the
 * manifest; the journal state "committing" is written, and only then are files replaced (restore-operations.ts). After a kill before that
 * state, the next start undoes the restore; after a later kill, the next start finishes it, or undoes it if that is not possible (restore-journal.ts).
 *
 * Invariants: no symbolic link is followed, in the staging area or on the way to a destination; only paths that `inScope` allows are written or
 * removed; a full disk is detected before the first visible change; running it again changes nothing.
 */
import { NethsecError } from "@nethsec/host/error";
import { copyVerified, setOwner } from "@nethsec/host/files/verified-copy";
import type { Files, Random, System } from "@nethsec/host/host";
import { formatBytes } from "@nethsec/host/units";
import type { Withheld } from "../cluster/agent-schemas.ts";
import { commit, Interrupted, recoverRestore, rollBack, writeJournal } from "./restore-journal.ts";
import { type Copy, planRestore } from "./restore-plan.ts";
import type { RestoreRequest } from "./restore-request.ts";

export interface RestoreDependencies {
  readonly files: Files;
  readonly random: Pick<Random, "text">;
  readonly system: Pick<System, "fileSystem">;
  /** Called between the steps with their names; tests throw here to interrupt the restore. */
  readonly checkpoint?: (step: string) => void;
}

export interface Restored {
  /** Paths that were changed or removed. */
  readonly changed: readonly string[];
  /** Paths that were left unchanged on this node, and why. */
  readonly withheld: readonly Withheld[];
}

/** Space left free on every file system written to, since the rest of the system needs it too: the smaller of these two. */
const spareBytesMax = 2 * 1024 * 1024;
const spareShare = 0.02;

/**
 * Throws `staging_incomplete` (run the synchronisation again), `restore_no_space`, or a system error such as a full disk; nothing is changed then.
 */
export function restore(
  { files, random, system, checkpoint = () => undefined }: RestoreDependencies,
  request: RestoreRequest,
): Restored {
  recoverRestore(files);
  const { operations, copies, changed, withheld } = planRestore(files, random, request);
  if (operations.length === 0) return { changed: [], withheld };
  checkSpace(files, system, copies);
  try {
    writeJournal(files, "preparing", operations);
    checkpoint("journal preparing");
    for (const copy of copies) {
      prepare(files, copy);
      checkpoint("copied");
    }
    writeJournal(files, "committing", operations);
  } catch (error) {
    if (!(error instanceof Interrupted)) rollBack(files, operations, false);
    throw error;
  }
  checkpoint("journal committing");
  commit(files, operations, checkpoint);
  return { changed, withheld };
}

function checkSpace(files: Files, system: Pick<System, "fileSystem">, copies: readonly Copy[]): void {
  const wanted = new Map<number, { bytes: number; free: number; spare: number; folder: string }>();
  for (const { beside, bytes } of copies) {
    const { device, free, size } = system.fileSystem(beside);
    const spare = Math.min(spareBytesMax, size * spareShare);
    const before = wanted.get(device)?.bytes ?? 0;
    wanted.set(device, { bytes: before + bytes, free, spare, folder: beside });
  }
  for (const { bytes, free, spare, folder } of wanted.values()) {
    if (bytes + spare <= free || bytes === 0) continue;
    throw new NethsecError({
      code: "restore_no_space",
      message: `The file system of ${folder} on this node has ${formatBytes(free)} free, ${formatBytes(bytes + spare)} are needed. Nothing was changed.`,
      advice: `Make room there (df -h ${folder}), or take large files out of the synchronisation: keepalived.ha_peer.exclude_list on the primary.`,
    });
  }
}

function prepare(files: Files, { entry, staged, at, text }: Copy): void {
  if (entry.type === "directory") {
    files.mkdir(at, { mode: 0o700 });
    setOwner(files.real(at), entry.uid, entry.gid);
    files.chmod(at, entry.mode);
    return;
  }
  files.remove(at);
  if (entry.type === "symlink") {
    files.symlink(entry.target, at);
    setOwner(files.real(at), entry.uid, entry.gid);
    return;
  }
  if (text !== undefined) {
    files.write(at, text, { mode: 0o600 });
    setOwner(files.real(at), entry.uid, entry.gid);
    files.chmod(at, entry.mode);
    return;
  }
  const { sha256, mode, uid, gid } = entry;
  copyVerified({ from: files.real(staged), to: files.real(at), sha256, mode, uid, gid });
}
