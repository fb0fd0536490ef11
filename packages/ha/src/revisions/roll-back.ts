/**
 * Takes this node's configuration back to how it was after an earlier revision. On the primary the synchronisation carries it to the backup, like
 * any other change.
 * Invariants: everything is checked before the first file is written; when a write fails, the files written before it are put back.
 */
import { NethsecError } from "@nethsec/host/error";
import { shownPath } from "@nethsec/host/files/os-path";
import { messageOf } from "@nethsec/host/message-of";
import type { Files, Host } from "@nethsec/host/host";
import type { HaConfig } from "../cluster/config.ts";
import { isUciPackage, packageFacts } from "../sync/lost-content.ts";
import { isOwnPath, isWithin } from "../sync/path-rules.ts";
import { reloadServices } from "../sync/reload-services.ts";
import { realFolders, type Wanted, writeEntry } from "../sync/write-entry.ts";
import { changesBetween, type Entry, type FileChange } from "./revision.ts";
import type { RevisionStore } from "./revision-store.ts";

export interface RollBackRequest {
  /** The revision after which the files were as they shall be; 0: before the oldest. */
  readonly id: number;
  /** Only these files, or what is below these folders; empty: all. */
  readonly paths: readonly string[];
  /** Everything is checked, nothing is changed. */
  readonly dryRun: boolean;
}

export interface RolledBack {
  /** Paths that are now as they were then; with `dryRun`, that would be. */
  readonly changed: readonly string[];
  /** Paths that differ and are left alone: this node's part of the cluster. */
  readonly left: readonly string[];
  /** Why a service does not run with the new files. */
  readonly trouble?: string;
}

/** The node's own, but an administrator's configuration all the same. */
const networkPath = "/etc/config/network";

/** The last record must be of now. Throws `no_such_revision`, `revision_incomplete`, `rollback_failed`. */
export async function rollBack(
  host: Host,
  config: HaConfig,
  store: RevisionStore,
  request: RollBackRequest,
): Promise<RolledBack> {
  const { changes, left } = plan(store, request);
  const steps = changes.map((change) => ({
    path: change.path,
    to: checked(host.files, config, change.path, wanted(store, change.path, change.after)),
    back: wanted(store, change.path, change.before),
  }));
  const changed = steps.map(({ path }) => path);
  if (request.dryRun) return { changed, left };
  writeAll(host.files, steps);
  const trouble = changed.length === 0 ? undefined : await reload(host, changed);
  return { changed, left, ...(trouble === undefined ? {} : { trouble }) };
}

function plan(store: RevisionStore, { id, paths }: RollBackRequest): { changes: FileChange[]; left: string[] } {
  const oldest = store.list()[0]?.id ?? 1;
  if (id !== oldest - 1 && store.read(id) === undefined)
    throw new NethsecError({
      code: "no_such_revision",
      message: `This node has no change ${id}.`,
      advice: "Those that it has: ns-ha-config log",
    });
  const all = changesBetween(store.head() ?? new Map<string, Entry>(), store.entriesAt(id)).filter(
    ({ path }) => paths.length === 0 || paths.some((root) => isWithin(path, root)),
  );
  const isLeft = ({ path }: FileChange): boolean => isOwnPath(path) && path !== networkPath;
  return { changes: all.filter((change) => !isLeft(change)), left: all.filter(isLeft).map(({ path }) => path) };
}

function wanted(store: RevisionStore, path: string, entry: Entry | undefined): Wanted {
  if (entry === undefined) return { type: "nothing" };
  if (entry.type === "symlink") return entry;
  const bytes = store.content(entry);
  if (bytes !== undefined) return { ...entry, bytes };
  throw new NethsecError({
    code: "revision_incomplete",
    message: `The content of ${shownPath(path)} was not kept (${entry.size} bytes). Nothing was changed.`,
    advice: "Name the files that shall be taken back: ns-ha-config rollback ID FILE…",
  });
}

function checked(files: Files, config: HaConfig, path: string, to: Wanted): Wanted {
  if (!realFolders(files, path))
    throw new NethsecError({
      code: "revision_behind_link",
      message: `A folder of ${shownPath(path)} has become a link. Nothing was changed.`,
      advice: "Name the files that shall be taken back: ns-ha-config rollback ID FILE…",
    });
  const broken =
    to.type === "file" && isUciPackage(path) ? packageFacts(path, to.bytes, config.haInterface.name).broken : undefined;
  if (broken !== undefined)
    throw new NethsecError({
      code: "revision_lost_content",
      message: `${shownPath(path)} had lost its content at that time: ${broken}. Nothing was changed.`,
      advice: "Take an earlier or a later change: ns-ha-config log",
    });
  return to;
}

interface Step {
  readonly path: string;
  readonly to: Wanted;
  readonly back: Wanted;
}

function writeAll(files: Files, steps: readonly Step[]): void {
  for (const [index, { path, to }] of steps.entries()) {
    try {
      writeEntry(files, path, to);
    } catch (cause) {
      const lost = steps.slice(0, index + 1).filter((step) => !putBack(files, step));
      const names = lost.map((step) => shownPath(step.path)).join(", ");
      throw new NethsecError({
        code: "rollback_failed",
        message: `${shownPath(path)} cannot be written (${messageOf(cause)}). ${lost.length === 0 ? "The configuration is as before." : `Not as before, and not put back either: ${names}.`}`,
        advice: `Is there room on the disk? df /etc${lost.length === 0 ? "" : ". Then run it again, or take back the change that it began."}`,
        cause,
      });
    }
  }
}

function putBack(files: Files, { path, back }: Step): boolean {
  try {
    if (!isThere(files, path, back)) writeEntry(files, path, back);
    return true;
  } catch {
    return false;
  }
}

/** A write replaces a file whole or not at all: one that failed has left what was there. */
function isThere(files: Files, path: string, wanted: Wanted): boolean {
  if (wanted.type === "nothing") return files.stat(path) === undefined;
  if (wanted.type === "symlink") return files.readlink(path) === wanted.target;
  const { type, mode } = files.stat(path) ?? {};
  return type === "file" && mode === wanted.mode && Buffer.from(files.readBytes(path) ?? []).equals(wanted.bytes);
}

/** Returns what did not work: the files are in place all the same. */
async function reload(host: Host, changed: readonly string[]): Promise<string | undefined> {
  try {
    if (changed.includes(networkPath)) await host.services.call("network", "reload", { timeoutMs: 60_000 });
    await host.services.reloadConfig();
    await reloadServices(host, changed);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
