/**
 * The commands of `uci` (spec "uci", sections 5 and 6). Words and output are byte strings. A command returns its exit status, or {@link usage} for a
 * wrong number of arguments; it throws `UciError` for errors that `uci` prints and reports by status 1.
 */
import { formatChange, type Delta } from "@nethsec/uci/delta";
import {
  addSection,
  addToList,
  deleteTuple,
  type Edit,
  removeFromList,
  renameTuple,
  reorderTuple,
  setTuple,
} from "@nethsec/uci/edit";
import { mergeInto } from "@nethsec/uci/merge";
import type { Package } from "@nethsec/uci/model";
import { isPackageName, isType } from "@nethsec/uci/names";
import { parsePackage, parsePackages } from "@nethsec/uci/parse";
import { getValue, showOption, showPackage, showSection } from "@nethsec/uci/show";
import { parseTuple, resolveSection, type Tuple } from "@nethsec/uci/tuple";
import { UciError } from "@nethsec/uci/uci-error";
import { writePackage } from "@nethsec/uci/write";
import { commitPackage, editFile, replacePackages } from "./commit.ts";
import { isPath } from "./load.ts";
import type { UciOptions } from "./options.ts";
import { PackageCache } from "./package-cache.ts";
import { packageNames } from "./package-names.ts";
import { appendDeltas, revertDeltas } from "./save.ts";

/** Exit status for a wrong number of arguments or an unknown command. */
export const usage = 255;

export interface SessionIo {
  out(bytes: string): void;
  /** Reads the rest of the input. */
  input(): string;
  /** Prints an error after which the command continues (commands for all packages). */
  complain(error: unknown): void;
}

const edits = new Map<string, Edit>([
  ["set", setTuple],
  ["add_list", addToList],
  ["del_list", removeFromList],
  ["delete", deleteTuple],
  ["del", deleteTuple],
  ["rename", renameTuple],
  ["ren", renameTuple],
  ["reorder", reorderTuple],
]);

export class UciSession {
  readonly #options: UciOptions;
  readonly #io: SessionIo;
  readonly #cache: PackageCache;
  /** Number of loads, for the line numbers in messages of a batch. */
  loads = 0;

  /** `keepsPackage`: cache the package, for several commands, which are mostly about the same one. */
  constructor(options: UciOptions, io: SessionIo, keepsPackage: boolean) {
    this.#options = options;
    this.#io = io;
    this.#cache = new PackageCache(options.access, keepsPackage);
  }

  run(words: readonly string[]): number {
    const [name = "", ...args] = words;
    const command = name.toLowerCase();
    const edit = edits.get(command);
    if (edit !== undefined) return args.length === 1 ? this.#edit(command, edit, args[0] ?? "") : usage;
    switch (command) {
      case "get":
        return args.length === 1 ? this.#get(this.#tuple(args[0] ?? "")) : usage;
      case "revert":
        return args.length === 1 ? this.#revert(this.#tuple(args[0] ?? "")) : usage;
      case "add":
        return args.length === 2 ? this.#add(args[0] ?? "", args[1] ?? "") : usage;
      case "import":
        return args.length > 1 || (args.length === 0 && this.#options.merge) ? usage : this.#import(args[0]);
      case "show":
        return this.#packages(args, (tuple) => this.#show(tuple));
      case "export":
        return this.#packages(args, (tuple) =>
          this.#io.out(writePackage(this.#lookup(tuple).pkg, { header: true, names: this.#options.access.writeNames })),
        );
      case "changes":
        return this.#packages(args, (tuple) => {
          const { pkg, changes } = this.#lookup(tuple);
          this.#io.out(changes.map((delta) => formatChange(pkg.name, delta)).join(""));
        });
      case "commit":
        return this.#packages(args, (tuple) => this.#commit(tuple));
      default:
        return usage;
    }
  }

  #tuple(word: string): Tuple {
    return parseTuple(word, (name) => (name.startsWith("/") ? isType(name) : isPackageName(name)));
  }

  #load(name: string): { readonly pkg: Package; readonly changes: readonly Delta[] } {
    this.loads += 1;
    return this.#cache.load(name);
  }

  /** Loads the package; a malformed section reference is an error even where the section is not used. */
  #lookup(tuple: Tuple): { readonly pkg: Package; readonly changes: readonly Delta[] } {
    const loaded = this.#load(tuple.package);
    if (tuple.section !== undefined) resolveSection(loaded.pkg, tuple.section);
    return loaded;
  }

  #get(tuple: Tuple): number {
    const { pkg } = this.#lookup(tuple);
    if (tuple.value !== undefined) return 1;
    if (tuple.section === undefined) return 0;
    const section = resolveSection(pkg, tuple.section);
    const value = tuple.option === undefined ? section?.type : section?.get(tuple.option);
    if (value === undefined) throw new UciError("not_found");
    this.#io.out(getValue(value, this.#options));
    return 0;
  }

  #show(tuple: Tuple): void {
    const { pkg } = this.#lookup(tuple);
    if (tuple.section === undefined) return this.#io.out(showPackage(pkg, this.#options));
    const section = resolveSection(pkg, tuple.section);
    if (section === undefined) throw new UciError("not_found");
    if (tuple.option === undefined) return this.#io.out(showSection(pkg.name, section, this.#options));
    const option = section.options.find(tuple.option);
    if (option === undefined) throw new UciError("not_found");
    this.#io.out(showOption(pkg.name, section.name, option, this.#options));
  }

  #edit(command: string, edit: Edit, word: string): number {
    const tuple = this.#tuple(word);
    // A deletion whose value is not an index fails silently.
    if (
      command.startsWith("del") &&
      command !== "del_list" &&
      tuple.value !== undefined &&
      !/^(?:[\t-\r ]*[+-]?[0-9]|$)/.test(tuple.value)
    ) {
      this.#lookup(tuple);
      return 1;
    }
    if (isPath(tuple.package)) {
      editFile(this.#options.access, tuple.package, (pkg) => edit(pkg, tuple));
      return 0;
    }
    const delta = edit(this.#load(tuple.package).pkg, tuple);
    if (delta !== undefined) this.#save(tuple.package, [delta]);
    return 0;
  }

  #add(name: string, type: string): number {
    try {
      let delta: Delta;
      if (isPath(name)) {
        delta = editFile(this.#options.access, name, (pkg) => addSection(pkg, type));
      } else {
        delta = addSection(this.#load(name).pkg, type);
        this.#save(name, [delta]);
      }
      this.#io.out(`${delta.section}\n`);
      return 0;
    } catch (error) {
      if (!(error instanceof UciError)) throw error;
      this.#io.complain(error);
      return error.number;
    }
  }

  #save(name: string, deltas: readonly Delta[]): void {
    try {
      const saved = appendDeltas(this.#options.access, name, deltas);
      if (saved !== undefined) this.#cache.saved(name, deltas, saved);
    } catch (error) {
      this.#cache.forget();
      throw error;
    }
  }

  #revert(tuple: Tuple): number {
    const { pkg } = this.#lookup(tuple);
    if (tuple.value !== undefined) return 1;
    if (isPath(tuple.package)) return 0;
    const section =
      tuple.section === undefined ? undefined : (resolveSection(pkg, tuple.section)?.name ?? tuple.section);
    revertDeltas(this.#options.access, tuple.package, section, tuple.option);
    this.#load(tuple.package);
    return 0;
  }

  #commit(tuple: Tuple): void {
    const { access, noCommit } = this.#options;
    // In the other cases the commit itself finds the errors.
    if (noCommit || access.lenient || tuple.section !== undefined) this.#lookup(tuple);
    this.loads += 1;
    if (noCommit) return;
    // The commit reads the package again under the lock: free the cached one first, so that a large package is not in memory twice.
    this.#cache.forget();
    commitPackage(access, tuple.package);
  }

  #import(name: string | undefined): number {
    const { access, merge } = this.#options;
    const text = this.#io.input();
    if (name !== undefined && !isPackageName(name)) throw new UciError("invalid_argument");
    this.loads += 1;
    if (name === undefined) {
      replacePackages(access, parsePackages(text, access));
      return 0;
    }
    const existing = merge ? this.#existing(name) : undefined;
    if (existing === undefined) {
      replacePackages(access, [parsePackage(text, name, access)]);
      return 0;
    }
    try {
      this.#save(name, mergeInto(existing, text, access));
    } catch (error) {
      this.#cache.forget();
      throw error;
    }
    return 0;
  }

  #existing(name: string): Package | undefined {
    try {
      return this.#load(name).pkg;
    } catch (error) {
      if (error instanceof UciError) return undefined;
      throw error;
    }
  }

  /** Runs `work` for one package, or for all: then errors are printed and the status is 0. */
  #packages(args: readonly string[], work: (tuple: Tuple) => void): number {
    if (args.length > 1) return usage;
    if (args[0] !== undefined) {
      work(this.#tuple(args[0]));
      return 0;
    }
    for (const name of packageNames(this.#options.access.configDir)) {
      try {
        work({ package: name, section: undefined, option: undefined, value: undefined });
      } catch (error) {
        this.#io.complain(error);
      }
    }
    return 0;
  }
}
