/**
 * Pending changes: the lines of a delta file (spec "uci", section 7), how they change a package, and how `uci changes` prints them.
 *
 * An extension to the original: `#commit ID`. A commit appends this mark to the deltas just before it puts the new configuration in place. If the
 * configuration file has that identity, it already contains the lines before the mark. Every other reader takes the mark for a comment.
 */
import { decimalPrefix } from "./decimal.ts";
import type { Lexer } from "./lexer.ts";
import type { Package } from "./model.ts";
import { isName, isType, isValue } from "./names.ts";
import { lexerFor } from "./stream-lexer.ts";
import { parseTuple } from "./tuple.ts";
import { UciError } from "./uci-error.ts";
import { quoted } from "./write.ts";

export type DeltaKind = "set" | "add" | "delete" | "rename" | "reorder" | "add_list" | "del_list";

export interface Delta {
  readonly kind: DeltaKind;
  /** A section name, never a reference. */
  readonly section: string;
  readonly option?: string | undefined;
  /** Optional for deletions only, where it is the index in a list. */
  readonly value?: string | undefined;
}

const prefixes: Readonly<Record<DeltaKind, string>> = {
  set: "",
  add: "+",
  delete: "-",
  rename: "@",
  reorder: "^",
  add_list: "|",
  del_list: "~",
};
const kinds = new Map<string, DeltaKind>([
  ["+", "add"],
  ["-", "delete"],
  ["@", "rename"],
  ["^", "reorder"],
  ["|", "add_list"],
  ["~", "del_list"],
]);

/** Formats a delta as its line in the file, newline included. */
export function formatDelta(pkg: string, delta: Delta): string {
  return `${prefixes[delta.kind]}${pkg}.${path(delta)}${delta.value === undefined ? "" : `=${quoted(delta.value)}`}\n`;
}

/** Formats a delta as `uci changes` prints it, newline included. */
export function formatChange(pkg: string, delta: Delta): string {
  if (delta.kind === "delete") return `-${pkg}.${path(delta)}\n`;
  const sign = delta.kind === "add_list" ? "+=" : delta.kind === "del_list" ? "-=" : "=";
  return `${pkg}.${path(delta)}${sign}${quoted(delta.value ?? "")}\n`;
}

function path(delta: Delta): string {
  return delta.option === undefined ? delta.section : `${delta.section}.${delta.option}`;
}

/** The line of a commit mark, newline included. `id` has no blanks. */
export function formatMark(id: string): string {
  return `#commit ${id}\n`;
}

export interface DeltaFile {
  /** Well-formed lines in order, including lines for other packages. */
  readonly deltas: readonly { readonly package: string; readonly delta: Delta }[];
  /** Lines that every load ignores, blank ones included, commit marks excluded. */
  readonly malformed: number;
}

/** Reads a delta file. `isCommitted`: true if the configuration file has the identity of this mark; the lines before the last such mark are left out. */
export function parseDeltas(text: string, isCommitted: (id: string) => boolean = () => false): DeltaFile {
  const lexer = lexerFor(text);
  let deltas: { package: string; delta: Delta }[] = [];
  let malformed = 0;
  while (lexer.nextLine()) {
    const mark = lexer.keyword() === "#commit" && lexer.acceptKeyword() ? lexer.word() : undefined;
    if (mark === undefined) {
      const line = parseLine(lexer);
      if (line === undefined) malformed += 1;
      else deltas.push(line);
    } else if (isCommitted(mark)) {
      deltas = [];
      malformed = 0;
    }
  }
  return { deltas, malformed };
}

function parseLine(lexer: Lexer): { package: string; delta: Delta } | undefined {
  try {
    const word = lexer.word();
    if (!lexer.atEnd) return undefined;
    const kind = kinds.get(word.charAt(0)) ?? "set";
    const tuple = parseTuple(kind === "set" ? word : word.slice(1), isType);
    const { section, option, value } = tuple;
    if (section === undefined || !isName(section)) return undefined;
    const delta: Delta = { kind, section, option, value };
    return isWellFormed(delta) ? { package: tuple.package, delta } : undefined;
  } catch (error) {
    if (error instanceof UciError) return undefined;
    throw error;
  }
}

function isWellFormed({ kind, option, value }: Delta): boolean {
  if (kind === "delete") return true;
  if (value === undefined) return false;
  if (kind === "rename") return isName(value);
  if (kind === "reorder") return option === undefined;
  if (kind === "add_list" || kind === "del_list") return option !== undefined;
  return true;
}

/** Throws {@link UciError} "invalid_argument" for a delta that every later load would ignore. */
export function checkDelta(delta: Delta): void {
  const typed = (delta.kind === "set" || delta.kind === "add") && delta.option === undefined;
  const fine =
    isWellFormed(delta) && isName(delta.section) && isValue(delta.value ?? "") && (!typed || isType(delta.value ?? ""));
  if (!fine) throw new UciError("invalid_argument");
}

/** Changes the package; false when the delta cannot be applied (what it changes does not exist). */
export function applyDelta(pkg: Package, delta: Delta): boolean {
  if (delta.option === undefined) return applyToSection(pkg, delta);
  return applyToOption(pkg, delta, delta.option);
}

function applyToSection(pkg: Package, delta: Delta): boolean {
  const { kind, value = "" } = delta;
  const section = pkg.find(delta.section);
  if (kind === "set" || kind === "add") {
    if (value === "") {
      if (section !== undefined) pkg.remove(section);
      return true;
    }
    if (!isType(value)) return false;
    if (section !== undefined) pkg.retype(section, value);
    const target = section ?? pkg.add(value, delta.section);
    if (kind === "add") target.anonymous = true;
    return true;
  }
  if (section === undefined) return false;
  if (kind === "delete") pkg.remove(section);
  else if (kind === "rename") pkg.rename(section, value);
  else pkg.move(section, position(value));
  return true;
}

function applyToOption(pkg: Package, { kind, section: name, value = "" }: Delta, option: string): boolean {
  const section = pkg.find(name);
  if (section === undefined) return false;
  const found = section.options.find(option);
  switch (kind) {
    case "set":
    case "add":
      if (value === "") section.delete(option);
      else section.set(option, value);
      return true;
    case "add_list":
      section.addItem(option, value);
      return true;
    case "del_list":
      if (Array.isArray(found?.value)) found.value = found.value.filter((item) => item !== value);
      return true;
    case "rename":
      if (found !== undefined) section.options.rename(found, value);
      return found !== undefined;
    case "delete":
      return found !== undefined && deleteItem(found, value, () => section.options.remove(found));
    default:
      return false;
  }
}

/** Deletes one list item by index, or the whole option. An index that does not exist is not an error. */
function deleteItem(option: { value: string | string[] }, index: string, deleteAll: () => void): boolean {
  if (typeof option.value === "string" || index === "") {
    deleteAll();
    return true;
  }
  const at = decimalPrefix(index);
  if (at === undefined) return false;
  if (at >= 0 && at < option.value.length) option.value.splice(at, 1);
  return true;
}

/** Parses an index for `reorder`: a decimal prefix as a 32-bit integer; anything else is 0. */
export function position(value: string): number {
  const number = decimalPrefix(value) ?? 0;
  return Number.isSafeInteger(number) ? number | 0 : -1;
}

/** The deltas that `revert` keeps: those of other sections or, if `option` is given, of other options; none if no section is given. */
export function keptByRevert(
  deltas: readonly Delta[],
  section: string | undefined,
  option: string | undefined,
): Delta[] {
  if (section === undefined) return [];
  return deltas.filter((delta) => delta.section !== section || (option !== undefined && delta.option !== option));
}
