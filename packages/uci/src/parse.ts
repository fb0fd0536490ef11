/**
 * Text of a configuration file → packages (spec "uci", section 2). Strict: the first error is thrown and nothing of the file is used. Lenient:
 * each bad statement is reported and the rest of its line skipped.
 */
import { isName, isStatedPackageName, isType } from "./names.ts";
import type { Lexer } from "./lexer.ts";
import { Package, type Section } from "./model.ts";
import { lexerFor } from "./stream-lexer.ts";
import { UciError } from "./uci-error.ts";
import type { UsualLines } from "./usual-lines.ts";

export interface ParseOptions {
  /** Skip bad statements instead of throwing at the first one. */
  readonly lenient?: boolean;
  /** Called for each parse error, in strict mode too (the original's `-S -s`). */
  readonly report?: (error: UciError) => void;
}

/** What the statements of a file are applied to. */
export interface ParseTarget {
  /** A `package` line with a valid name. */
  openPackage(name: string): void;
  /** True when there is a package to add a section to. */
  readonly hasPackage: boolean;
  readonly hasSection: boolean;
  /** Returns false and does nothing when `strict` and a section of this name with another type exists. */
  openSection(type: string, name: string | undefined, strict: boolean): boolean;
  /** `value` is not empty. */
  option(name: string, value: string): void;
  item(name: string, value: string): void;
  /** Several `option` and `list` lines at once. */
  lines(lines: UsualLines): void;
}

/** One package; `package` lines are checked and ignored. Throws {@link UciError} "parse". */
export function parsePackage(text: string, name: string, options: ParseOptions = {}): Package {
  const target = new PackageTarget(new Package(name));
  parseStatements(text, target, options);
  return target.pkg;
}

/** A file of several packages, each opened by its `package` line. Throws {@link UciError} "parse" or "duplicate". */
export function parsePackages(text: string, options: ParseOptions = {}): Package[] {
  const packages: Package[] = [];
  let current: PackageTarget | undefined;
  parseStatements(
    text,
    {
      openPackage(name) {
        if (packages.some((pkg) => pkg.name === name)) throw new UciError("duplicate");
        const pkg = new Package(name);
        packages.push(pkg);
        current = new PackageTarget(pkg);
      },
      get hasPackage() {
        return current !== undefined;
      },
      get hasSection() {
        return current?.hasSection === true;
      },
      openSection: (type, name, strict) => current?.openSection(type, name, strict) === true,
      option: (name, value) => current?.option(name, value),
      item: (name, value) => current?.item(name, value),
      lines: (lines) => current?.lines(lines),
    },
    options,
  );
  return packages;
}

class PackageTarget implements ParseTarget {
  readonly pkg: Package;
  readonly hasPackage = true;
  #section: Section | undefined;

  constructor(pkg: Package) {
    this.pkg = pkg;
  }

  get hasSection(): boolean {
    return this.#section !== undefined;
  }

  openPackage(): void {}

  openSection(type: string, name: string | undefined, strict: boolean): boolean {
    const found = name === undefined ? undefined : this.pkg.find(name);
    if (strict && found !== undefined && found.type !== type) return false;
    if (found !== undefined) this.pkg.retype(found, type);
    this.#section = found ?? this.pkg.add(type, name);
    return true;
  }

  option(name: string, value: string): void {
    this.#section?.set(name, value);
  }

  item(name: string, value: string): void {
    this.#section?.addItem(name, value);
  }

  lines(lines: UsualLines): void {
    this.#section?.addLines(lines);
  }
}

/** Runs the statements of `text` against `target`. Throws {@link UciError}; in lenient mode parse errors are not thrown. */
export function parseStatements(text: string, target: ParseTarget, options: ParseOptions): void {
  const lexer = lexerFor(text);
  const strict = options.lenient !== true;
  for (;;) {
    usualSections(lexer, target);
    if (!lexer.nextLine()) return;
    try {
      lexer.skipSpace();
      for (let word = lexer.keyword(); word !== undefined && word.charCodeAt(0) !== 35; word = lexer.keyword())
        statement(lexer, word, target, strict);
    } catch (error) {
      if (!(error instanceof UciError)) throw error;
      if (error.kind === "parse") options.report?.(error);
      if (error.kind !== "parse" || strict) throw error;
    }
  }
}

/** Fast path: consumes lines in the usual form, which cannot contain errors, and stops at the first other line. */
function usualSections(lexer: Lexer, target: ParseTarget): void {
  const open = (type: string, name: string | undefined): boolean =>
    target.hasPackage && target.openSection(type, name, true);
  do {
    const lines = target.hasSection ? lexer.usualLines() : undefined;
    if (lines !== undefined) target.lines(lines);
  } while (lexer.usualHeader(open));
}

function statement(lexer: Lexer, keyword: string, target: ParseTarget, strict: boolean): void {
  switch (keyword) {
    case "option":
    case "o":
      return optionStatement(lexer, target, strict, false);
    case "list":
    case "l":
      return optionStatement(lexer, target, strict, true);
    case "config":
    case "c":
      return sectionStatement(lexer, target, strict);
    case "package":
    case "p":
      return packageStatement(lexer, target, strict);
    default:
      throw lexer.error("invalid command");
  }
}

function packageStatement(lexer: Lexer, target: ParseTarget, strict: boolean): void {
  if (!lexer.acceptKeyword()) throw lexer.error("package without name");
  const name = requiredWord(lexer);
  if (!isStatedPackageName(name)) throw lexer.error("invalid character in name field");
  endOfStatement(lexer, strict);
  target.openPackage(name);
}

function sectionStatement(lexer: Lexer, target: ParseTarget, strict: boolean): void {
  if (!target.hasPackage) throw lexer.error("attempting to import a file without a package name");
  if (!lexer.acceptKeyword()) throw lexer.error("config without name");
  const type = requiredWord(lexer);
  if (!isType(type)) throw lexer.error("invalid character in type field");
  const name = lexer.word();
  if (name !== "" && !isName(name)) throw lexer.error("invalid character in name field");
  endOfStatement(lexer, strict);
  if (!target.openSection(type, name === "" ? undefined : name, strict))
    throw lexer.error("section of different type overwrites prior section with same name");
}

function optionStatement(lexer: Lexer, target: ParseTarget, strict: boolean, list: boolean): void {
  if (!target.hasSection) throw lexer.error("option/list command found before the first section");
  if (!lexer.acceptKeyword()) throw lexer.error("option without name");
  const name = requiredWord(lexer);
  if (!isName(name)) throw lexer.error("invalid character in name field");
  const value = lexer.word();
  endOfStatement(lexer, strict);
  if (list) target.item(name, value);
  else if (value !== "") target.option(name, value);
}

function requiredWord(lexer: Lexer): string {
  const word = lexer.word();
  if (word === "") throw lexer.error("insufficient arguments");
  return word;
}

/** In lenient mode one extra word is dropped, and the text after it is read as the next statement. */
function endOfStatement(lexer: Lexer, strict: boolean): void {
  if (lexer.word() !== "" && strict) throw lexer.error("too many arguments");
}
