/**
 * Loads a package: its file, then the deltas of every delta folder, under libuci's locks (spec "uci", section 11: shared on the configuration until
 * everything is read, shared on each delta file).
 */
import { applyDelta, type Delta, type DeltaFile, parseDeltas } from "@nethsec/uci/delta";
import type { Package } from "@nethsec/uci/model";
import { isPackageName } from "@nethsec/uci/names";
import { parsePackage } from "@nethsec/uci/parse";
import { UciError } from "@nethsec/uci/uci-error";
import type { UciAccess } from "./access.ts";
import { type LockedFile, openLocked, statFile } from "./locked-file.ts";
import { finishInterrupted } from "./install.ts";

export interface LoadedPackage {
  readonly pkg: Package;
  /** Pending changes in order, including those that could not be applied. */
  readonly changes: readonly Delta[];
}

/** True for a path instead of a package name: no deltas, changes are written immediately. */
export function isPath(name: string): boolean {
  return name.startsWith("/") || name.startsWith("./");
}

/** Throws {@link UciError}: "not_found" if there is no such file, "io", "parse". */
export function loadPackage(access: UciAccess, name: string): LoadedPackage {
  finishInterrupted(access);
  const path = configPath(access, name);
  using file = openLocked(path, "shared", access.lockTimeoutMs);
  if (file === undefined) throw new UciError("not_found");
  const pkg = parseFile(access, file, name);
  const changes: Delta[] = [];
  if (!isPath(name)) for (const dir of access.deltaDirs) replay(pkg, readDeltas(access, dir, name, file), changes);
  return { pkg, changes };
}

export function parseFile(access: UciAccess, file: LockedFile, name: string): Package {
  return parsePackage(file.read(), isPath(name) ? name.slice(name.lastIndexOf("/") + 1) : name, access);
}

/** The path of a package's file. Throws {@link UciError} when the name would lead out of its folder. */
export function configPath(access: UciAccess, name: string): string {
  if (isPath(name)) return name;
  if (name.startsWith(".")) throw new UciError("not_found");
  if (!isPackageName(name)) throw new UciError("invalid_argument");
  const override = `${access.overrideDir}/${name}`;
  if (access.overrideDir !== "" && statFile(override) !== undefined) return override;
  return `${access.configDir}/${name}`;
}

/** The deltas of one folder, without those that the configuration `file` already contains. */
export function readDeltas(access: UciAccess, dir: string, name: string, file: LockedFile): DeltaFile {
  try {
    using deltas = openLocked(`${dir}/${name}`, "shared", access.lockTimeoutMs);
    if (deltas !== undefined) return parseDeltas(deltas.read(), (id) => id === identity(file.stat));
  } catch (error) {
    // As in the original, an unreadable delta file counts as missing.
    if (!(error instanceof UciError) || error.kind !== "io") throw error;
  }
  return { deltas: [], malformed: 0 };
}

/** Distinguishes a configuration file from later versions; a rename does not change it. */
export function identity(stat: { readonly ino: bigint; readonly size: bigint; readonly mtimeNs: bigint }): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
}

/** Applies the deltas of this package, collects them in `changes`, and returns how many could be applied. */
export function replay(pkg: Package, file: DeltaFile, changes: Delta[] = []): number {
  let applied = 0;
  for (const entry of file.deltas) {
    if (entry.package !== pkg.name) continue;
    changes.push(entry.delta);
    if (applyDelta(pkg, entry.delta)) applied += 1;
  }
  return applied;
}
