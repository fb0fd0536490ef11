/** A command and the names by which it is reached: "ns-ha-config" → "init-primary-node". Pure. */
import type { Command, Option } from "./command.ts";

const commonOptions: readonly Option[] = [
  { name: "json", summary: "print one JSON document instead of text" },
  { name: "help", short: "h", summary: "show this help" },
  { name: "version", summary: "print the version" },
];

/** The common options that the command accepts besides its own. */
export function commonOptionsOf({ raw, textOnly }: Command): readonly Option[] {
  if (raw === true) return [];
  return textOnly === true ? commonOptions.filter(({ name }) => name !== "json") : commonOptions;
}

export interface CommandPath {
  /** The names as typed, e.g. ["ns-ha-config", "status"]. */
  readonly names: readonly string[];
  readonly command: Command;
  /** The command's own options and those of the commands above it. */
  readonly options: readonly Option[];
}

export function topLevel(command: Command): CommandPath {
  return { names: [command.name], command, options: command.options ?? [] };
}

export function actionOf(parent: CommandPath, action: Command): CommandPath {
  return {
    names: [...parent.names, action.name],
    command: action,
    options: [...(action.options ?? []), ...parent.options],
  };
}

/** "<lan_interface> [image] [command…]", the arguments as the documentation writes them. */
export function argumentWords(command: Command): string[] {
  return (command.args ?? []).map((arg) => {
    const name = arg.variadic === true ? `${arg.name}…` : arg.name;
    return arg.optional === true ? `[${name}]` : `<${name}>`;
  });
}

/** "-n, --lines N" */
export function optionWords(option: Option): string {
  const long = option.value === undefined ? `--${option.name}` : `--${option.name} ${option.value}`;
  return option.short === undefined ? long : `-${option.short}, ${long}`;
}

/** One line; `<action>` when the command has actions. */
export function synopsis(path: CommandPath): string {
  const { command, names } = path;
  const action = command.actions === undefined ? [] : [command.load === undefined ? "<action>" : "[action]"];
  const options = command.raw === true ? [] : ["[options]"];
  return [...names, ...action, ...argumentWords(command), ...options].join(" ");
}
