/**
 * Writes packages: `commit`, `import`, and changes to a file given by its path.
 *
 * Order of a commit: take the exclusive lock on the configuration file, then on our delta file, and keep both to the end so that no `set` intervenes;
 * write and sync the new file; append a commit mark with its identity to the deltas; rename the new file into place; truncate the deltas. A crash
 * before the rename leaves the old file and the deltas; a crash after it leaves the new file, and the mark shows that it contains the deltas.
 */
import { type BigIntStats, ftruncateSync, unlinkSync } from "node:fs";
import { applyDelta, type Delta, formatMark, parseDeltas } from "@nethsec/uci/delta";
import { isLost } from "@nethsec/uci/lost-changes";
import type { Package } from "@nethsec/uci/model";
import { parsePackage } from "@nethsec/uci/parse";
import { UciError } from "@nethsec/uci/uci-error";
import { writePackage } from "@nethsec/uci/write";
import type { UciAccess } from "./access.ts";
import { finishInterrupted, discardFiles, installFiles, ioError, type NewFile, prepareFile } from "./install.ts";
import { configPath, identity, isPath, parseFile, readDeltas, replay } from "./load.ts";
import { isErrno, type LockedFile, openLocked } from "./locked-file.ts";
import { foreignCommitters, waitForCommitters } from "./read-back.ts";
import { appendText } from "./save.ts";

/** Applies the pending deltas to the package's file. False when there was nothing to apply; then nothing is written. Throws {@link UciError}. */
export function commitPackage(access: UciAccess, name: string): boolean {
  finishInterrupted(access);
  const path = configPath(access, name);
  if (isPath(name)) {
    editFile(access, name, () => {});
    return true;
  }
  const commit = commitLocked(access, name, path);
  for (let again = commit; again !== undefined;) again = repeatIfLost(access, path, again);
  return commit !== undefined;
}

/** The result of a commit, to check afterwards whether it was overwritten. */
interface Commit {
  readonly name: string;
  /** A function, because it is rarely needed and costs a parse. */
  readonly before: () => Package;
  readonly after: Package;
  readonly deltas: readonly Delta[];
  readonly old: BigIntStats;
  readonly new: BigIntStats;
  readonly foreigners: ReadonlySet<string>;
}

function commitLocked(access: UciAccess, name: string, path: string): Commit | undefined {
  using file = openLocked(path, "exclusive", access.lockTimeoutMs);
  if (file === undefined) throw new UciError("not_found");
  const text = file.read();
  const pkg = parsePackage(text, name, access);
  using saved = openLocked(`${access.saveDir}/${name}`, "exclusive", access.lockTimeoutMs);
  const deltas: Delta[] = [];
  let applied = 0;
  for (const dir of access.deltaDirs) {
    if (dir !== access.saveDir) applied += replay(pkg, readDeltas(access, dir, name, file), deltas);
    else if (saved !== undefined)
      applied += replay(
        pkg,
        parseDeltas(saved.read(), (id) => id === identity(file.stat)),
        deltas,
      );
  }
  if (applied === 0) return undefined;
  refuseClash(pkg);
  const next = prepareFile(access, name, file.path, file.stat, writePackage(pkg, { names: access.writeNames }));
  const unmark = saved === undefined ? () => {} : mark(saved, next);
  try {
    installFiles(access, [next]);
  } catch (error) {
    unmark();
    throw error;
  }
  if (saved !== undefined) ftruncateSync(saved.fd, 0);
  return {
    name,
    before: () => parsePackage(text, name, { lenient: true }),
    after: pkg,
    deltas,
    old: file.stat,
    new: next.stat,
    foreigners: foreignCommitters(file),
  };
}

/** Refuses two sections with the same name and different types (possible after libuci's `rename`): the file would no longer load. */
function refuseClash(pkg: Package): void {
  if (!pkg.sections.repeats) return;
  const types = new Map<string, string>();
  for (const { name, type, anonymous } of pkg.sections) {
    if (anonymous) continue;
    if ((types.get(name) ?? type) !== type) throw new UciError("duplicate");
    types.set(name, type);
  }
}

/** After the locks are released: if a libuci committer overwrote our commit, applies our deltas to the file it wrote. */
function repeatIfLost(access: UciAccess, path: string, commit: Commit): Commit | undefined {
  if (commit.foreigners.size === 0) return undefined;
  waitForCommitters(commit.old, commit.foreigners);
  using file = openLocked(path, "exclusive", access.lockTimeoutMs);
  if (file === undefined || identity(file.stat) === identity(commit.new)) return undefined;
  const pkg = parsePackage(file.read(), commit.name, { lenient: access.lenient });
  const before = parsePackage(writePackage(pkg), commit.name);
  if (!isLost(commit.before(), commit.after, pkg)) return undefined;
  for (const delta of commit.deltas) applyDelta(pkg, delta);
  const next = prepareFile(access, commit.name, file.path, file.stat, writePackage(pkg, { names: access.writeNames }));
  installFiles(access, [next]);
  return {
    ...commit,
    before: () => before,
    after: pkg,
    old: file.stat,
    new: next.stat,
    foreigners: foreignCommitters(file),
  };
}

/**
 * Appends the commit mark; returns a function that removes it. If there is no space for the mark (the delta folder's file system is full), the commit
 * continues without it: only a crash between the rename and the truncation would then leave deltas that are applied twice.
 */
function mark(saved: LockedFile, next: NewFile): () => void {
  const size = Number(saved.stat.size);
  const unmark = (): void => ftruncateSync(saved.fd, size);
  try {
    appendText(saved.fd, size, formatMark(identity(next.stat)));
  } catch (error) {
    unmark();
    if (isErrno(error, "ENOSPC", "EDQUOT")) return unmark;
    discardFiles([next]);
    throw ioError(error);
  }
  return unmark;
}

/** Replaces the files of the given packages, all or none; missing files are created with mode 0600. Pending deltas stay. Throws {@link UciError}. */
export function replacePackages(access: UciAccess, packages: readonly Package[]): void {
  finishInterrupted(access);
  const sorted = [...packages].sort((a, b) => (a.name < b.name ? -1 : 1));
  using locks = new DisposableStack();
  const next: NewFile[] = [];
  const created: string[] = [];
  try {
    const files = sorted.map((pkg) => locks.use(openOrCreate(access, `${access.configDir}/${pkg.name}`, created)));
    files.forEach((file, at) => {
      const pkg = sorted[at];
      if (pkg !== undefined)
        next.push(prepareFile(access, pkg.name, file.path, file.stat, writePackage(pkg, { names: access.writeNames })));
    });
  } catch (error) {
    discardFiles(next);
    for (const path of created) unlinkSync(path);
    throw error;
  }
  installFiles(access, next);
}

/** Opens a configuration file with an exclusive lock; a missing file is created empty and its path added to `created`. */
export function openOrCreate(access: UciAccess, path: string, created: string[]): LockedFile {
  const existing = openLocked(path, "exclusive", access.lockTimeoutMs);
  if (existing !== undefined) return existing;
  const file = openLocked(path, "exclusive", access.lockTimeoutMs, 0o600);
  if (file === undefined) throw new UciError("not_found");
  if (file.stat.size === 0n) created.push(path);
  return file;
}

/** Changes a file given by its path immediately, without deltas. If `edit` throws, the file is not changed. */
export function editFile<T>(access: UciAccess, path: string, edit: (pkg: Package) => T): T {
  finishInterrupted(access);
  using file = openLocked(path, "exclusive", access.lockTimeoutMs);
  if (file === undefined) throw new UciError("not_found");
  const pkg = parseFile(access, file, path);
  const result = edit(pkg);
  installFiles(access, [
    prepareFile(access, pkg.name, file.path, file.stat, writePackage(pkg, { names: access.writeNames })),
  ]);
  return result;
}
