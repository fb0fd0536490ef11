/** Parses arguments and options of one command strictly: undeclared ones are refused before the command runs. Pure. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import type { Call } from "./command.ts";
import { argumentWords, type CommandPath, commonOptionsOf } from "./command-path.ts";
import { UsageError } from "../error.ts";
import { nearest } from "./nearest.ts";

export type Parsed = Pick<Call, "args" | "rest" | "options" | "json"> & {
  readonly help: boolean;
  readonly version: boolean;
};

type OptionTable = NonNullable<ParseArgsConfig["options"]>;

/**
 * Options may stand anywhere before a variadic argument; from its first value on, everything is a value (`ssh-remote ls -l`). With `--help` or
 * `--version`, required arguments may be missing. Throws {@link UsageError}.
 */
export function parseArguments(path: CommandPath, argv: readonly string[]): Parsed {
  const options = optionTable(path);
  const end = startOfRest(path, argv, options);
  const { values, positionals } = strictly(path, argv.slice(0, end), options);
  const given = [...positionals, ...argv.slice(end)];
  const { json, help, version, ...own } = values;
  const common = { options: onlyGiven(own), json: json === true, help: help === true, version: version === true };
  if (common.help || common.version) return { ...common, args: {}, rest: [] };
  return { ...common, ...nameArguments(path, given) };
}

function optionTable(path: CommandPath): OptionTable {
  const entries = [...path.options, ...commonOptionsOf(path.command)].map(
    ({ name, short, value }) =>
      [name, { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) }] as const,
  );
  return Object.fromEntries(entries);
}

function startOfRest(path: CommandPath, argv: readonly string[], options: OptionTable): number {
  const args = path.command.args ?? [];
  if (args.at(-1)?.variadic !== true) return argv.length;
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true, allowPositionals: true });
  const positionals = tokens.filter((token) => token.kind === "positional");
  return positionals[args.length - 1]?.index ?? argv.length;
}

function strictly(path: CommandPath, argv: readonly string[], options: OptionTable) {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
    return { values, positionals };
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    const unknown = /Unknown option '(-[^']*)'/.exec(thrown.message)?.[1];
    if (unknown === undefined) throw new UsageError(thrown.message.split(". ")[0] ?? thrown.message);
    const near = nearest(unknown.replace(/^-+/, ""), Object.keys(options));
    throw new UsageError(`there is no option ${unknown}${near === undefined ? "" : `; did you mean --${near}?`}`);
  }
}

function onlyGiven(values: Readonly<Record<string, unknown>>): Record<string, string | true> {
  const given: Record<string, string | true> = {};
  for (const [name, value] of Object.entries(values))
    if (typeof value === "string" || value === true) given[name] = value;
  return given;
}

function nameArguments(path: CommandPath, given: readonly string[]): Pick<Parsed, "args" | "rest"> {
  const declared = path.command.args ?? [];
  const words = argumentWords(path.command);
  const missing = declared.findIndex((arg, index) => arg.optional !== true && given[index] === undefined);
  if (missing >= 0) throw new UsageError(`the argument ${words[missing]} is missing: ${declared[missing]?.summary}`);
  const variadic = declared.at(-1)?.variadic === true;
  const single = variadic ? declared.slice(0, -1) : declared;
  if (!variadic && given.length > declared.length) {
    throw new UsageError(`there is an argument too many: "${given[declared.length]}"`);
  }
  const args: Record<string, string> = {};
  for (const [index, { name }] of single.entries()) {
    const value = given[index];
    if (value !== undefined) args[name] = value;
  }
  return { args, rest: given.slice(single.length) };
}
