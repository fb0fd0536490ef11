/**
 * Parses the options of the `uci` command like glibc's getopt(3): they may stand anywhere before `--`, be bundled, and have their value attached.
 * (OpenWrt's musl stops at the first word that is not an option; any command line that works there has the same result here.)
 */
import { defaultAccess, type UciAccess } from "./access.ts";
import type { UciError } from "@nethsec/uci/uci-error";

export interface UciOptions {
  readonly access: UciAccess;
  /** `-d` */
  readonly delimiter: string;
  /** `-f` */
  readonly inputFile: string | undefined;
  /** `-m` */
  readonly merge: boolean;
  /** `-P`: commit does nothing. */
  readonly noCommit: boolean;
  readonly quiet: boolean;
  /** `-X` */
  readonly names: boolean;
  /** The command and its arguments. */
  readonly words: readonly string[];
}

/** An error in the options: a getopt message (empty when getopt prints none), or two input files. */
export class OptionTrouble {
  readonly message: string;
  readonly kind: "unknown" | "two_inputs";
  constructor(kind: "unknown" | "two_inputs", message: string) {
    this.kind = kind;
    this.message = message;
  }
}

const withValue = "cCdfpPt";
const switches = "LmnNqsSX";

export function parseUciOptions(
  argv: readonly string[],
  report: (error: UciError) => void,
): UciOptions | OptionTrouble {
  const found = splitFlags(argv);
  if (found instanceof OptionTrouble) return found;
  let access: UciAccess = { ...defaultAccess, lockTimeoutMs: "forever" };
  let options: UciOptions = {
    access,
    delimiter: " ",
    inputFile: undefined,
    merge: false,
    noCommit: false,
    quiet: false,
    names: false,
    words: found.words,
  };
  for (const [flag, value] of found.flags) {
    if (flag === "L") return new OptionTrouble("unknown", "");
    if (flag === "f" && options.inputFile !== undefined)
      return new OptionTrouble("two_inputs", options.quiet ? "" : "Too many input files.\n");
    access = changeAccess(access, flag, value, report);
    options = changeOptions(options, flag, value);
  }
  return { ...options, access };
}

function splitFlags(
  argv: readonly string[],
): { flags: [flag: string, value: string][]; words: string[] } | OptionTrouble {
  const flags: [string, string][] = [];
  const words: string[] = [];
  for (let at = 0; at < argv.length; at += 1) {
    const word = argv[at] ?? "";
    if (word === "--") return { flags, words: [...words, ...argv.slice(at + 1)] };
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    for (let index = 1; index < word.length; index += 1) {
      const flag = word.charAt(index);
      if (switches.includes(flag)) {
        flags.push([flag, ""]);
      } else if (withValue.includes(flag)) {
        const value = index + 1 < word.length ? word.slice(index + 1) : argv[(at += 1)];
        if (value === undefined) return new OptionTrouble("unknown", `uci: option requires an argument -- '${flag}'\n`);
        flags.push([flag, value]);
        break;
      } else {
        return new OptionTrouble("unknown", `uci: invalid option -- '${flag}'\n`);
      }
    }
  }
  return { flags, words };
}

function changeAccess(access: UciAccess, flag: string, value: string, report: (error: UciError) => void): UciAccess {
  switch (flag) {
    case "c":
      return { ...access, configDir: value };
    case "C":
      return { ...access, overrideDir: value };
    case "t":
    case "P":
      return { ...access, saveDir: value, deltaDirs: [...without(access.deltaDirs, value), value] };
    case "p":
      return access.deltaDirs.includes(value)
        ? access
        : { ...access, deltaDirs: access.deltaDirs.toSpliced(-1, 0, value) };
    case "s":
      return { ...access, lenient: false };
    case "S":
      return { ...access, lenient: true, report };
    case "n":
    case "N":
      return { ...access, writeNames: flag === "n" };
    default:
      return access;
  }
}

function without(list: readonly string[], item: string): string[] {
  const rest: string[] = [];
  for (const other of list) if (other !== item) rest.push(other);
  return rest;
}

function changeOptions(options: UciOptions, flag: string, value: string): UciOptions {
  switch (flag) {
    case "d":
      return { ...options, delimiter: value };
    case "f":
      return { ...options, inputFile: value };
    case "m":
      return { ...options, merge: true };
    case "P":
      return { ...options, noCommit: true };
    case "q":
      return { ...options, quiet: true };
    case "X":
      return { ...options, names: true };
    default:
      return options;
  }
}
