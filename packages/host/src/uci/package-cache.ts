/**
 * Caches the last package that a batch used, as long as neither its file nor any of its delta files has changed: without the cache a batch of n
 * commands reads everything n times. A change by another process changes the files' stamps, and the package is read again.
 */
import type { Stats } from "node:fs";
import type { Delta } from "@nethsec/uci/delta";
import type { Package } from "@nethsec/uci/model";
import type { UciAccess } from "./access.ts";
import { lookAt } from "./locked-file.ts";
import { configPath, isPath, loadPackage } from "./load.ts";
import type { SavedDeltas } from "./save.ts";

interface Entry {
  readonly name: string;
  readonly pkg: Package;
  readonly changes: Delta[];
  /** Stamps of the configuration file and of each delta file; undefined for a missing file. */
  stamps: (Stats | undefined)[];
}

export class PackageCache {
  readonly #access: UciAccess;
  readonly #keep: boolean;
  #entry: Entry | undefined;

  /** Without `keep` nothing is cached. */
  constructor(access: UciAccess, keep: boolean) {
    this.#access = access;
    this.#keep = keep;
  }

  /** As {@link loadPackage}. A caller that changes the package must then call {@link saved} or {@link forget}. */
  load(name: string): { readonly pkg: Package; readonly changes: readonly Delta[] } {
    // In lenient mode each load has to report the errors in the file again.
    if (!this.#keep || this.#access.lenient || isPath(name)) return loadPackage(this.#access, name);
    const stamps = this.#stamps(name);
    const entry = this.#entry;
    if (entry?.name === name && stamps.every((stamp, at) => isSame(stamp, entry.stamps[at]))) return entry;
    this.#entry = undefined;
    const { pkg, changes } = loadPackage(this.#access, name);
    this.#entry = { name, pkg, changes: [...changes], stamps };
    return this.#entry;
  }

  /** Call after the deltas applied to the loaded package were appended to the save folder's file. */
  saved(name: string, deltas: readonly Delta[], file: SavedDeltas): void {
    const entry = this.#entry;
    const at = this.#access.deltaDirs.indexOf(this.#access.saveDir) + 1;
    const before = entry?.stamps[at];
    const known = isSame(before, file.before) || (before === undefined && file.before.size === 0);
    if (entry?.name !== name || !known) return this.forget();
    entry.stamps[at] = file.after;
    entry.changes.push(...deltas);
  }

  forget(): void {
    this.#entry = undefined;
  }

  #stamps(name: string): (Stats | undefined)[] {
    return [configPath(this.#access, name), ...this.#access.deltaDirs.map((dir) => `${dir}/${name}`)].map(lookAt);
  }
}

/** Plain numbers, whose times are exact to 250 ns: no file system's clock is finer, and big integers would take half of a batch's time. */
function isSame(one: Stats | undefined, other: Stats | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.ino === other.ino &&
    one.size === other.size &&
    one.mtimeMs === other.mtimeMs &&
    one.ctimeMs === other.ctimeMs &&
    one.dev === other.dev
  );
}
