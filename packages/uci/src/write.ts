/**
 * Serializes a package to the text of its file (spec "uci", section 5). Reading it back gives the same package: section types that need quotes, which
 * the original writes bare (spec "uci", 13.6), are quoted.
 */
import type { Package, Section } from "./model.ts";

export interface WriteOptions {
  /** Write the generated names of anonymous sections. */
  readonly names?: boolean;
  /** Begin with the `package` line (`uci export`). */
  readonly header?: boolean;
}

export function writePackage(pkg: Package, options: WriteOptions = {}): string {
  let text = options.header === true ? `package ${pkg.name}\n` : "";
  for (const section of pkg.sections) {
    text +=
      section.anonymous && options.names !== true
        ? `\nconfig ${word(section.type)}\n`
        : `\nconfig ${word(section.type)} '${section.name}'\n`;
    text += section.writtenLines ?? optionLines(section);
  }
  return `${text}\n`;
}

function optionLines(section: Section): string {
  let text = "";
  for (const { name, value } of section.options) {
    if (typeof value === "string") text += `\toption ${name} ${quoted(value)}\n`;
    else for (const item of value) text += `\tlist ${name} ${quoted(item)}\n`;
  }
  return text;
}

/** Quotes with single quotes; a quote in the value becomes '\''. */
export function quoted(value: string): string {
  return `'${value.includes("'") ? value.replaceAll("'", "'\\''") : value}'`;
}

function word(type: string): string {
  return /['"#\\;]/.test(type) ? quoted(type) : type;
}
