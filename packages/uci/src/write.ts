/**
 * A package as the text of its file (spec "uci", section 5). Reading it back gives the same package: where the original writes a
 * section type bare that needs quotes (spec "uci", 13.6), quotes are written.
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

/** In single quotes; a quote in the value is closed, escaped and opened again. */
export function quoted(value: string): string {
  return `'${value.includes("'") ? value.replaceAll("'", "'\\''") : value}'`;
}

function word(type: string): string {
  return /['"#\\;]/.test(type) ? quoted(type) : type;
}
