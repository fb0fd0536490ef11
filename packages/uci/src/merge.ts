/** `uci -m import`: the statements of a file applied to an existing package as deltas (spec "uci", section 6.9). */
import { applyDelta, checkDelta, type Delta } from "./delta.ts";
import { addSection } from "./edit.ts";
import type { Package, Section } from "./model.ts";
import { readUsualLines } from "./usual-lines.ts";
import { type ParseOptions, parseStatements } from "./parse.ts";

/** Changes `pkg` and returns the deltas to record. When it throws {@link UciError}, `pkg` may be partly changed: discard it. */
export function mergeInto(pkg: Package, text: string, options: ParseOptions = {}): Delta[] {
  const deltas: Delta[] = [];
  let section: Section | undefined;
  const record = (delta: Delta): void => {
    checkDelta(delta);
    applyDelta(pkg, delta);
    deltas.push(delta);
  };
  const option = (name: string, value: string): void => {
    if (section !== undefined && section.get(name) !== value)
      record({ kind: "set", section: section.name, option: name, value });
  };
  const item = (name: string, value: string): void => {
    if (section !== undefined) record({ kind: "add_list", section: section.name, option: name, value });
  };
  parseStatements(
    text,
    {
      openPackage() {},
      hasPackage: true,
      get hasSection() {
        return section !== undefined;
      },
      openSection(type, name, strict) {
        if (name === undefined) {
          const delta = addSection(pkg, type);
          deltas.push(delta);
          section = pkg.find(delta.section);
          return true;
        }
        const before = pkg.find(name)?.type;
        if (strict && before !== undefined && before !== type) return false;
        if (before !== type) record({ kind: "set", section: name, value: type });
        section = pkg.find(name);
        return true;
      },
      option,
      item,
      lines: (lines) =>
        readUsualLines(lines, (isList, name, value) => {
          if (isList) item(name, value);
          else if (value !== "") option(name, value);
        }),
    },
    options,
  );
  return deltas;
}
