/** The output of `uci show` and `uci get` (spec "uci", section 5). Every text ends in a newline. */
import type { Option, Package, Section } from "./model.ts";
import { quoted } from "./write.ts";

export interface ShowOptions {
  /** Separator of list items; default a space. */
  readonly delimiter?: string;
  /** Generated names of anonymous sections in place of `@type[index]`. */
  readonly names?: boolean;
}

export function showPackage(pkg: Package, options: ShowOptions = {}): string {
  const counts = new Map<string, number>();
  let text = "";
  for (const section of pkg.sections) {
    const index = counts.get(section.type) ?? 0;
    counts.set(section.type, index + 1);
    const label = section.anonymous && options.names !== true ? `@${section.type}[${index}]` : section.name;
    text += showSection(pkg.name, section, options, label);
  }
  return text;
}

export function showSection(
  pkg: string,
  section: Section,
  options: ShowOptions = {},
  label: string = section.name,
): string {
  let text = `${pkg}.${label}=${section.type}\n`;
  for (const option of section.options) text += showOption(pkg, label, option, options);
  return text;
}

export function showOption(pkg: string, section: string, { name, value }: Option, options: ShowOptions = {}): string {
  const shown = typeof value === "string" ? quoted(value) : value.map(quoted).join(options.delimiter ?? " ");
  return `${pkg}.${section}.${name}=${shown}\n`;
}

/** A string is printed raw; list items are quoted only where they contain blanks. */
export function getValue(value: string | readonly string[], options: ShowOptions = {}): string {
  if (typeof value === "string") return `${value}\n`;
  return `${value.map((item) => (/[ \t\r\n]/.test(item) ? quoted(item) : item)).join(options.delimiter ?? " ")}\n`;
}
