/** `uci -m import`: the statements of a file applied to an existing package as deltas (spec "uci", section 6.9). */
import { applyDelta, checkDelta, type Delta } from "./delta.ts";
import { addSection } from "./edit.ts";
import type { Package, Section } from "./model.ts";
import { type ParseOptions, parseStatements } from "./parse.ts";

/** Changes `pkg` and returns the deltas to be recorded. Throws {@link UciError}; then `pkg` may be changed in part and is not to be used any more. */
export function mergeInto(pkg: Package, text: string, options: ParseOptions = {}): Delta[] {
  const deltas: Delta[] = [];
  let section: Section | undefined;
  const record = (delta: Delta): void => {
    checkDelta(delta);
    applyDelta(pkg, delta);
    deltas.push(delta);
  };
  parseStatements(
    text,
    {
      openPackage() {},
      hasPackage: true,
      get hasSection() {
        return section !== undefined;
      },
      typeOf: (name) => pkg.find(name)?.type,
      openSection(type, name) {
        if (name === undefined) {
          const delta = addSection(pkg, type);
          deltas.push(delta);
          section = pkg.find(delta.section);
        } else {
          if (pkg.find(name)?.type !== type) record({ kind: "set", section: name, value: type });
          section = pkg.find(name);
        }
      },
      option(name, value) {
        if (section !== undefined && section.get(name) !== value)
          record({ kind: "set", section: section.name, option: name, value });
      },
      item(name, value) {
        if (section !== undefined) record({ kind: "add_list", section: section.name, option: name, value });
      },
    },
    options,
  );
  return deltas;
}
