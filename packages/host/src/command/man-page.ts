/** The source of a command's man page (mdoc, section 8), from the table. Pure. */
import type { Arg, Command, Option } from "./command.ts";
import { isShown, wrap } from "./command-help.ts";
import { commonOptionsOf } from "./command-path.ts";

/** `date`: date of the page, in mdoc's format ("June 1, 2026"). */
export function manPage(command: Command, date = "November 22, 2026"): string {
  return [
    `.Dd ${date}`,
    `.Dt ${command.name.toUpperCase()} 8`,
    ".Os",
    ".Sh NAME",
    `.Nm ${command.name}`,
    `.Nd ${text(command.summary)}`,
    ".Sh SYNOPSIS",
    ...synopsisLines(command),
    ".Sh DESCRIPTION",
    ...paragraphs(command.description ?? `${capital(command.summary)}.`),
    ...list("Arguments:", (command.args ?? []).map(argumentItem)),
    ...actionLines(command),
    ...list(
      "Options:",
      command.raw === true ? [] : [...(command.options ?? []), ...commonOptionsOf(command)].map(optionItem),
    ),
    // A raw command has its own exit statuses, listed in its description.
    ...(command.raw === true ? [] : exitStatus),
    ...exampleLines(command),
    ".Sh SEE ALSO",
    ".Xr nethsec 8",
    "",
  ].join("\n");
}

const exitStatus = [
  ".Sh EXIT STATUS",
  ...sentences("0 on success, 1 on failure with the reason on standard error, 2 when the arguments are wrong."),
];

function synopsisLines(command: Command): string[] {
  const shown = (command.actions ?? []).filter(isShown);
  const own = command.load === undefined ? [] : [".Nm", ...macroArguments(command)];
  return [...own, ...shown.flatMap((action) => [".Nm", `.Cm ${text(action.name)}`, ...macroArguments(action)])];
}

function macroArguments(command: Command): string[] {
  return [
    ...(command.options ?? []).map(optionMacro).map((macro) => `.Op ${macro}`),
    ...(command.args ?? []).map(argumentMacro),
  ];
}

function argumentMacro(arg: Arg): string {
  const macro = `Ar ${text(arg.name)}${arg.variadic === true ? " ..." : ""}`;
  return arg.optional === true ? `.Op ${macro}` : `.${macro}`;
}

function optionMacro({ name, value }: Option): string {
  return `Fl Fl ${text(name)}${value === undefined ? "" : ` Ar ${text(value)}`}`;
}

function optionItem(option: Option): [string, string] {
  const short = option.short === undefined ? "" : `Fl ${option.short} , `;
  return [short + optionMacro(option), option.summary];
}

function argumentItem({ name, summary }: Arg): [string, string] {
  return [`Ar ${text(name)}`, summary];
}

function list(title: string, rows: readonly (readonly [string, string])[]): string[] {
  if (rows.length === 0) return [];
  return [".Pp", title, ...items(rows)];
}

/** List items with the descriptions of `--help`. Many begin with a word that is typed literally. */
function items(rows: readonly (readonly [string, string])[]): string[] {
  if (rows.length === 0) return [];
  return [".Bl -tag -width Ds", ...rows.flatMap(([macro, what]) => [`.It ${macro}`, ...sentences(what)]), ".El"];
}

function actionLines(command: Command): string[] {
  const shown = (command.actions ?? []).filter(isShown);
  if (shown.length === 0) return [];
  const item = (action: Command): string[] => [
    `.It Cm ${text(action.name)} ${(action.args ?? []).map((arg) => argumentMacro(arg).slice(1)).join(" ")}`.trimEnd(),
    ...sentences(`${capital(action.summary)}.`),
    ...(action.description === undefined ? [] : [".Pp", ...paragraphs(action.description)]),
    ...items([...(action.args ?? []).map(argumentItem), ...(action.options ?? []).map(optionItem)]),
  ];
  return [".Pp", "Actions:", ".Bl -tag -width Ds", ...shown.flatMap(item), ".El"];
}

function exampleLines(command: Command): string[] {
  const examples = [command, ...(command.actions ?? []).filter(isShown)].flatMap(({ examples: own }) => own ?? []);
  if (examples.length === 0) return [];
  return [
    ".Sh EXAMPLES",
    ...examples.flatMap(([line, what], index) => [
      ...(index === 0 ? [] : [".Pp"]),
      `${capital(text(what))}:`,
      `.Dl ${text(line)}`,
    ]),
  ];
}

function paragraphs(description: string): string[] {
  return description
    .split("\n\n")
    .flatMap((paragraph, index) => [...(index === 0 ? [] : [".Pp"]), ...sentences(paragraph)]);
}

/** mdoc requires each sentence on a new line, and lines under 80 bytes. */
function sentences(paragraph: string): string[] {
  return paragraph
    .replaceAll(/\s+/g, " ")
    .split(/(?<=[.!?:]) (?=[A-Z"`/])/)
    .flatMap((sentence) => wrap(sentence, 76))
    .map(text);
}

/** Escapes backslashes, and dots or quotes at the beginning of a line, which roff interprets. */
function text(plain: string): string {
  return plain
    .replaceAll("\\", "\\e")
    .replaceAll("…", "...")
    .replaceAll(/[–—]/g, "-")
    .replace(/^([.'])/, "\\&$1");
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
