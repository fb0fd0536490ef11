/**
 * The package that a batch worked on last, kept while neither its file nor any of its delta files has changed: without it a batch of n commands reads
 * everything n times. A change by somebody else shows in the files' stamps, and the package is read again.
 */
import { type BigIntStats } from "node:fs";
import type { Delta } from "@nethsec/uci/delta";
import type { Package } from "@nethsec/uci/model";
import type { UciAccess } from "./uci-access.ts";
import { statFile } from "./uci-locked-file.ts";
import { configPath, isPath, loadPackage } from "./uci-load.ts";
import type { SavedDeltas } from "./uci-save.ts";

interface Entry {
  readonly name: string;
  readonly pkg: Package;
  readonly changes: Delta[];
  /** Of the configuration file and of each delta file. */
  stamps: string[];
}

export class PackageCache {
  readonly #access: UciAccess;
  #entry: Entry | undefined;

  constructor(access: UciAccess) {
    this.#access = access;
  }

  /** As {@link loadPackage}. Who changes the package records that with {@link saved}, or calls {@link forget}. */
  load(name: string): { readonly pkg: Package; readonly changes: readonly Delta[] } {
    // In lenient mode each load has to report the errors in the file anew.
    if (this.#access.lenient || isPath(name)) return loadPackage(this.#access, name);
    const stamps = this.#stamps(name);
    const entry = this.#entry;
    if (entry?.name === name && stamps.every((stamp, at) => stamp === entry.stamps[at])) return entry;
    this.#entry = undefined;
    const { pkg, changes } = loadPackage(this.#access, name);
    this.#entry = { name, pkg, changes: [...changes], stamps };
    return this.#entry;
  }

  /** The deltas applied to the loaded package were appended to the save folder's file. */
  saved(name: string, deltas: readonly Delta[], file: SavedDeltas): void {
    const entry = this.#entry;
    const at = this.#access.deltaDirs.indexOf(this.#access.saveDir) + 1;
    const before = entry?.stamps[at];
    const known = before === stampOf(file.before) || (before === missing && file.before.size === 0n);
    if (entry?.name !== name || !known) return this.forget();
    entry.stamps[at] = stampOf(file.after);
    entry.changes.push(...deltas);
  }

  forget(): void {
    this.#entry = undefined;
  }

  #stamps(name: string): string[] {
    const paths = [configPath(this.#access, name), ...this.#access.deltaDirs.map((dir) => `${dir}/${name}`)];
    return paths.map((path) => {
      const stat = statFile(path);
      return stat === undefined ? missing : stampOf(stat);
    });
  }
}

const missing = "";

function stampOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}
