/**
 * Text of a configuration file → packages (spec "uci", section 2). Strict: the first error is thrown and nothing of the file is used. Lenient:
 * each bad statement is reported and the rest of its line skipped.
 */
import { isName, isStatedPackageName, isType } from "./names.ts";
import type { Lexer } from "./lexer.ts";
import { Package, type Section } from "./model.ts";
import { lexerFor } from "./stream-lexer.ts";
import { UciError } from "./uci-error.ts";

export interface ParseOptions {
  /** Skip bad statements instead of throwing at the first one. */
  readonly lenient?: boolean;
  /** Told of each parse error, in strict mode too (the original's `-S -s`). */
  readonly report?: (error: UciError) => void;
}

/** What the statements of a file are applied to. */
export interface ParseTarget {
  /** A `package` line with a valid name. */
  openPackage(name: string): void;
  /** True when there is a package that a section could go to. */
  readonly hasPackage: boolean;
  readonly hasSection: boolean;
  /** The type that an existing section of this name has. */
  typeOf(name: string): string | undefined;
  openSection(type: string, name: string | undefined): void;
  /** `value` is not empty. */
  option(name: string, value: string): void;
  item(name: string, value: string): void;
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
      typeOf: (name) => current?.typeOf(name),
      openSection: (type, name) => current?.openSection(type, name),
      option: (name, value) => current?.option(name, value),
      item: (name, value) => current?.item(name, value),
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

  typeOf(name: string): string | undefined {
    return this.pkg.find(name)?.type;
  }

  openSection(type: string, name: string | undefined): void {
    const found = name === undefined ? undefined : this.pkg.find(name);
    if (found === undefined) {
      this.#section = this.pkg.add(type, name);
    } else {
      this.pkg.retype(found, type);
      this.#section = found;
    }
  }

  option(name: string, value: string): void {
    this.#section?.set(name, value);
  }

  item(name: string, value: string): void {
    this.#section?.addItem(name, value);
  }
}

/** Runs the statements of `text` against `target`. Throws {@link UciError}; in lenient mode only what is not a parse error. */
export function parseStatements(text: string, target: ParseTarget, options: ParseOptions): void {
  const lexer = lexerFor(text);
  const strict = options.lenient !== true;
  for (;;) {
    if (target.hasSection) usualLines(lexer, target);
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

function usualLines(lexer: Lexer, target: ParseTarget): void {
  for (let line = lexer.usualLine(); line !== undefined; line = lexer.usualLine()) {
    const [, keyword, name = "", value = ""] = line;
    if (keyword === "list") target.item(name, value);
    else if (value !== "") target.option(name, value);
  }
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
  if (name === "") return target.openSection(type, undefined);
  const before = target.typeOf(name);
  if (strict && before !== undefined && before !== type)
    throw lexer.error("section of different type overwrites prior section with same name");
  target.openSection(type, name);
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

/** In lenient mode one word too many is dropped, and what follows it is the next statement. */
function endOfStatement(lexer: Lexer, strict: boolean): void {
  if (lexer.word() !== "" && strict) throw lexer.error("too many arguments");
}
