/** The help text of a command, from the table. Pure. */
import type { Command } from "./command.ts";
import { argumentWords, type CommandPath, commonOptionsOf, optionWords, synopsis } from "./command-path.ts";

export interface HelpStyle {
  readonly color: boolean;
  readonly columns: number;
}

/** What `--help` prints, with a final newline. */
export function commandHelp(path: CommandPath, style: HelpStyle): string {
  const { command } = path;
  const sections = [
    `${bold(path.names.join(" "), style)}: ${command.summary}`,
    `${bold("Usage:", style)} ${synopsis(path)}`,
    ...(command.description === undefined
      ? []
      : command.description.split("\n\n").map((text) => wrap(text, style.columns).join("\n"))),
    section(
      "Arguments",
      (command.args ?? []).map((arg, index) => [argumentWords(command)[index] ?? "", arg.summary]),
      style,
    ),
    section(
      "Actions",
      (command.actions ?? [])
        .filter(isShown)
        .map((action) => [[action.name, ...argumentWords(action)].join(" "), action.summary]),
      style,
    ),
    section(
      "Options",
      command.raw === true
        ? []
        : [...path.options, ...commonOptionsOf(command)].map((option) => [optionWords(option), option.summary]),
      style,
    ),
    examples(command, style),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

/** What `nethsec help` prints. */
export function overview(commands: readonly Command[], version: string, style: HelpStyle): string {
  const shown = commands.filter(isShown);
  return [
    `${bold("nethsec", style)} ${version}: services for NethSecurity and OpenWrt firewalls`,
    section(
      "Commands",
      shown.map((command) => [command.name, command.summary]),
      style,
    ),
    "Each is called as `nethsec NAME`, most by their own name, too. More about one: `nethsec help NAME`.\n",
  ].join("\n\n");
}

export function isShown(command: Command): boolean {
  return command.hidden !== true;
}

function examples(command: Command, style: HelpStyle): string {
  if (command.examples === undefined || command.examples.length === 0) return "";
  return [
    bold("Examples:", style),
    ...command.examples.flatMap(([line, what]) => [
      `  ${line}`,
      ...wrap(what, style.columns - 6).map((text) => `      ${text}`),
    ]),
  ].join("\n");
}

/** Two aligned columns; if the first is too wide, the second goes on the next line. */
function section(title: string, rows: readonly (readonly [string, string])[], style: HelpStyle): string {
  if (rows.length === 0) return "";
  const widest = Math.max(24, Math.floor(style.columns * 0.45));
  const width = Math.max(...rows.map(([left]) => left.length).filter((length) => length <= widest), 0);
  const lines = rows.flatMap(([left, right]) => {
    const [first = "", ...more] = wrap(right, style.columns - width - 4);
    const indent = " ".repeat(width + 4);
    if (left.length > width) return [`  ${left}`, `${indent}${first}`, ...more.map((text) => indent + text)];
    return [`  ${left.padEnd(width)}  ${first}`, ...more.map((text) => indent + text)];
  });
  return [bold(`${title}:`, style), ...lines].join("\n");
}

/** Wraps at word boundaries to at most `width` characters; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== "" && line.length + 1 + word.length > Math.max(width, 20)) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

function bold(text: string, style: HelpStyle): string {
  return style.color ? `\u001b[1m${text}\u001b[0m` : text;
}
