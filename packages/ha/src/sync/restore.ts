/**
 * Applying a staging area: all of it or nothing (design decision 5; contract ns-ha 7, promises 3 and 4).
 *
 * How: what differs is copied beside its destination under a temporary name, each copy verified against the manifest; then a journal that
 * says "committing" is written, and only then are files renamed into place. Killed before the journal says so: undone at the next start.
 * Killed after: finished at the next start.
 *
 * Invariants: no symbolic link is followed, in the staging area or on the way to a destination; nothing is written outside the roots of the
 * manifest; a full disk is noticed before the first visible change; running it again changes nothing.
 */
import { sha256 } from "@nethsec/host/files/digests";
import { NethsecError } from "@nethsec/host/error";
import type { Files, Random } from "@nethsec/host/host";
import { copyVerified, setOwner } from "@nethsec/host/files/verified-copy";
import * as v from "valibot";
import { type Manifest, type ManifestEntry, ManifestReader } from "./manifest.ts";
import { isOwnPath, isWithin, matchesAny } from "./path-rules.ts";

/** Outlives a power loss. */
export const journalPath = "/usr/share/keepalived/restore.json";
/** Names that nothing else uses; an interrupted preparation leaves them. */
export const temporaryPrefix = ".ns-ha-restore.";

const operationSchema = v.variant("kind", [
  v.object({ kind: v.literal("place"), temporary: v.string(), path: v.string() }),
  v.object({ kind: v.literal("directory"), path: v.string(), mode: v.number(), uid: v.number(), gid: v.number() }),
  v.object({ kind: v.literal("attributes"), path: v.string(), mode: v.number(), uid: v.number(), gid: v.number() }),
  v.object({ kind: v.literal("remove"), path: v.string() }),
]);
type Operation = v.InferOutput<typeof operationSchema>;
const journalSchema = v.object({
  state: v.picklist(["preparing", "committing"]),
  operations: v.array(operationSchema),
});
type Journal = v.InferOutput<typeof journalSchema>;

/** How this node's copy of a file differs on purpose from the primary's (e.g. cron lines suspended): text → text, or undefined. */
export type Transforms = (path: string) => ((text: string) => string) | undefined;

export interface RestoreRequest {
  readonly manifest: Manifest;
  readonly stagingDir: string;
  /** This node's own exclude list. */
  readonly exclude: readonly string[];
  readonly transforms: Transforms;
}

export interface RestoreDependencies {
  readonly files: Files;
  readonly random: Pick<Random, "text">;
  /** Called between the steps with their names; tests throw here to cut the restore. */
  readonly checkpoint?: (step: string) => void;
}

/**
 * Returns the paths that were changed or removed. Throws `staging_incomplete` (then nothing was changed: run the synchronisation again),
 * `restore_refused` (an unsafe path) or a system error such as a full disk (nothing changed either).
 */
export function restore(
  { files, random, checkpoint = () => undefined }: RestoreDependencies,
  request: RestoreRequest,
): string[] {
  recoverRestore(files);
  const { operations, copies } = planRestore(files, random, request);
  if (operations.length === 0) return [];
  const journal = (state: Journal["state"]): void =>
    files.write(journalPath, JSON.stringify({ state, operations }), { mode: 0o600 });
  try {
    journal("preparing");
    checkpoint("journal preparing");
    for (const copy of copies) {
      prepare(files, copy);
      checkpoint("copied");
    }
    journal("committing");
  } catch (error) {
    if (!(error instanceof Interrupted)) undo(files, operations);
    throw error;
  }
  checkpoint("journal committing");
  commit(files, operations, checkpoint);
  return operations.filter(({ kind }) => kind !== "directory").map(({ path }) => path);
}

/** What a test throws from a checkpoint to stand for SIGKILL: nothing is tidied up. */
export class Interrupted extends Error {}

/** Finishes or undoes an interrupted restore; undefined when there was none. To be called before anything else touches the files. */
export function recoverRestore(files: Files): "finished" | "undone" | undefined {
  const text = files.readText(journalPath);
  if (text === undefined) return undefined;
  let journal: Journal;
  try {
    journal = v.parse(journalSchema, JSON.parse(text));
  } catch {
    files.remove(journalPath); // not ours, or damaged: files.write leaves a whole one or none
    return undefined;
  }
  if (journal.state === "preparing") {
    undo(files, journal.operations);
    return "undone";
  }
  commit(files, journal.operations, () => undefined);
  return "finished";
}

function undo(files: Files, operations: readonly Operation[]): void {
  for (const operation of operations) if (operation.kind === "place") files.remove(operation.temporary);
  files.remove(journalPath);
}

/** Each operation may have been done already. */
function commit(files: Files, operations: readonly Operation[], checkpoint: (step: string) => void): void {
  for (const operation of operations) {
    perform(files, operation);
    checkpoint(`${operation.kind} ${operation.path}`);
  }
  files.remove(journalPath);
}

function perform(files: Files, operation: Operation): void {
  const { path } = operation;
  switch (operation.kind) {
    case "remove":
      files.remove(path, { recursive: true });
      return;
    case "place":
      if (files.stat(operation.temporary) === undefined) return; // done before the interruption
      if (files.stat(path)?.type === "directory") files.remove(path, { recursive: true });
      files.rename(operation.temporary, path);
      return;
    case "directory": {
      const there = files.stat(path);
      if (there !== undefined && there.type !== "directory") files.remove(path);
      if (there?.type !== "directory") files.mkdir(path, { mode: operation.mode });
      setOwner(files.real(path), operation.uid, operation.gid);
      files.chmod(path, operation.mode);
      return;
    }
    case "attributes":
      if (files.stat(path) === undefined) return;
      setOwner(files.real(path), operation.uid, operation.gid);
      files.chmod(path, operation.mode);
  }
}

interface Copy {
  readonly entry: Exclude<ManifestEntry, { type: "directory" }>;
  readonly staged: string;
  readonly temporary: string;
  /** The text to write instead of the staged one. */
  readonly text: string | undefined;
}

function prepare(files: Files, { entry, staged, temporary, text }: Copy): void {
  files.remove(temporary);
  if (entry.type === "symlink") {
    files.symlink(entry.target, temporary);
    setOwner(files.real(temporary), entry.uid, entry.gid);
    return;
  }
  if (text !== undefined) {
    files.write(temporary, text, { mode: 0o600 });
    setOwner(files.real(temporary), entry.uid, entry.gid);
    files.chmod(temporary, entry.mode);
    return;
  }
  const { sha256, mode, uid, gid } = entry;
  copyVerified({ from: files.real(staged), to: files.real(temporary), sha256, mode, uid, gid });
}

function planRestore(
  files: Files,
  random: Pick<Random, "text">,
  request: RestoreRequest,
): { operations: Operation[]; copies: Copy[] } {
  const { manifest, stagingDir, exclude, transforms } = request;
  const reader = new ManifestReader(files, () => Number.MAX_SAFE_INTEGER);
  const operations: Operation[] = [];
  const copies: Copy[] = [];
  /** Folders that exist when the commit is done, but not yet. */
  const coming = new Set<string>();
  /** What is behind a link that becomes a folder is not what will be there. */
  const hidden = (path: string): boolean => coming.has(path) || parentsOf(path).some((parent) => coming.has(parent));
  const makeParents = (path: string): void => {
    for (const parent of parentsOf(path)) {
      if (coming.has(parent)) continue;
      const there = hidden(parent) ? undefined : files.stat(parent);
      if (there?.type === "directory") continue;
      if (there !== undefined) throw refused(parent);
      coming.add(parent);
      operations.push({ kind: "directory", path: parent, mode: 0o755, uid: 0, gid: 0 });
    }
  };
  for (const entry of manifest.entries) {
    if (matchesAny(entry.path, exclude)) continue;
    const staged = `${stagingDir}${entry.path}`;
    const text = checkStaged(files, reader, stagingDir, entry, transforms(entry.path));
    makeParents(entry.path);
    const here = hidden(entry.path) ? undefined : reader.entry(entry.path);
    if (entry.type === "directory") {
      if (here?.type === "directory" && sameAttributes(here, entry)) continue;
      if (here?.type !== "directory") coming.add(entry.path);
      operations.push({ kind: "directory", path: entry.path, mode: entry.mode, uid: entry.uid, gid: entry.gid });
      continue;
    }
    const wanted = text === undefined || entry.type !== "file" ? entry : { ...entry, sha256: sha256(text) };
    if (here !== undefined && sameContent(here, wanted)) {
      if (here.type !== "symlink" && entry.type === "file" && !sameAttributes(here, entry)) {
        operations.push({ kind: "attributes", path: entry.path, mode: entry.mode, uid: entry.uid, gid: entry.gid });
      }
      continue;
    }
    const temporary = `${existingAncestor(files, entry.path, coming)}/${temporaryPrefix}${random.text(12)}`;
    copies.push({ entry, staged, temporary, text });
    operations.push({ kind: "place", temporary, path: entry.path });
  }
  return { operations: [...operations, ...extras(files, manifest, exclude, coming)], copies };
}

/** What is to be removed: extras in mirrored folders, and what the primary says is gone. */
function extras(
  files: Files,
  manifest: Manifest,
  exclude: readonly string[],
  coming: ReadonlySet<string>,
): Operation[] {
  const wanted = new Set(manifest.entries.map(({ path }) => path));
  const mirrored = manifest.entries.filter(
    ({ path, type }) => type === "directory" && manifest.roots.some((root) => isWithin(path, root)),
  );
  const found = mirrored
    .filter(({ path }) => !coming.has(path) && files.stat(path)?.type === "directory")
    .flatMap(({ path }) => files.list(path).map((name) => `${path}/${name}`));
  const gone = manifest.gone.filter(
    (path) => files.stat(path) !== undefined && parentsOf(path).every((p) => files.stat(p)?.type === "directory"),
  );
  const kept = [...exclude, ...manifest.kept];
  return [...new Set([...found, ...gone])]
    .filter((path) => !wanted.has(path) && !isOwnPath(path) && !keeps(path, wanted, kept))
    .map((path) => ({ kind: "remove", path }));
}

/** A folder stays when something below it is wanted or excluded. */
function keeps(path: string, wanted: ReadonlySet<string>, exclude: readonly string[]): boolean {
  if (matchesAny(path, exclude) || exclude.some((pattern) => isWithin(pattern, path))) return true;
  for (const other of wanted) if (isWithin(other, path)) return true;
  return false;
}

/** The text to write when the file is transformed. Throws when the staging area does not hold what the manifest says. */
function checkStaged(
  files: Files,
  reader: ManifestReader,
  stagingDir: string,
  entry: ManifestEntry,
  transform: ((text: string) => string) | undefined,
): string | undefined {
  for (const parent of parentsOf(entry.path)) {
    if (files.stat(`${stagingDir}${parent}`)?.type !== "directory") throw incomplete(entry.path);
  }
  const staged = reader.entry(`${stagingDir}${entry.path}`);
  if (staged === undefined || staged.type !== entry.type || !sameContent(staged, entry)) throw incomplete(entry.path);
  if (transform === undefined || entry.type !== "file") return undefined;
  return transform(files.readText(`${stagingDir}${entry.path}`) ?? "");
}

function sameContent(here: ManifestEntry, entry: ManifestEntry): boolean {
  if (here.type === "file" && entry.type === "file") return here.sha256 === entry.sha256;
  if (here.type === "symlink" && entry.type === "symlink") return here.target === entry.target;
  return here.type === entry.type;
}

function sameAttributes(here: ManifestEntry, entry: ManifestEntry): boolean {
  const mode = (of: ManifestEntry): number | undefined => (of.type === "symlink" ? undefined : of.mode);
  return mode(here) === mode(entry) && here.uid === entry.uid && here.gid === entry.gid;
}

/** "/a/b/c" → "/a", "/a/b" */
function parentsOf(path: string): string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

/** On the same file system as the destination will be. */
function existingAncestor(files: Files, path: string, coming: ReadonlySet<string>): string {
  let ancestor = "";
  for (const parent of parentsOf(path)) {
    if (coming.has(parent) || files.stat(parent)?.type !== "directory") break;
    ancestor = parent;
  }
  return ancestor;
}

function incomplete(path: string): NethsecError {
  return new NethsecError({
    code: "staging_incomplete",
    message: `The staging area is not complete: ${path} is missing or not what was announced. Nothing was changed.`,
    advice: "The next synchronisation heals it; to run one now: `ns-ha-config sync --wait` on the primary.",
  });
}

function refused(path: string): NethsecError {
  return new NethsecError({
    code: "restore_refused",
    message: `${path} is a link or a file here, but a folder on the primary; what is behind it is not written to. Nothing was changed.`,
    advice: `Look at ${path} on the backup node; remove it if it is not needed, then run \`ns-ha-config sync --wait\` on the primary.`,
  });
}
