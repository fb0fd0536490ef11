/**
 * The mutating commands (spec "uci", sections 6.2 to 6.7): check, compute the delta, apply it. Each function returns the delta to record, or
 * undefined when nothing changes; it throws {@link UciError} before anything has changed. The package is changed by applying that same delta, as the
 * next load will do: if two sections have the same name (possible after a rename), the first one is changed.
 *
 * Where the original accepts what every later load ignores (a `set` of a reference that matches no section, a `rename` to an empty name, an `add`
 * without a type), these functions throw "invalid_argument" (spec "uci", 13.7). Renaming a section to the name of another one throws "duplicate":
 * once committed, the two would be one section, or the file would not parse.
 */
import { decimalPrefix } from "./decimal.ts";
import { applyDelta, checkDelta, type Delta, position } from "./delta.ts";
import type { Package, Section } from "./model.ts";
import { isName } from "./names.ts";
import { resolveSection, type Tuple } from "./tuple.ts";
import { UciError } from "./uci-error.ts";

export type Edit = (pkg: Package, tuple: Tuple) => Delta | undefined;

function record(pkg: Package, delta: Delta): Delta {
  checkDelta(delta);
  applyDelta(pkg, delta);
  return delta;
}

function sectionOf(pkg: Package, { section }: Tuple): Section | undefined {
  return section === undefined ? undefined : resolveSection(pkg, section);
}

/** `P.S=TYPE` and `P.S.O=VALUE`; an empty value deletes. */
export function setTuple(pkg: Package, tuple: Tuple): Delta | undefined {
  const { section: reference, option, value } = tuple;
  const section = sectionOf(pkg, tuple);
  if (reference === undefined || value === undefined || (option !== undefined && section === undefined))
    throw new UciError("invalid_argument");
  if (value === "") {
    const exists = section !== undefined && (option === undefined || section.get(option) !== undefined);
    return exists ? record(pkg, { kind: "delete", section: section.name, option }) : undefined;
  }
  if (section === undefined) {
    if (!isName(reference)) throw new UciError("invalid_argument");
    return record(pkg, { kind: "set", section: reference, value });
  }
  const before = option === undefined ? section.type : section.get(option);
  return before === value ? undefined : record(pkg, { kind: "set", section: section.name, option, value });
}

/** Appends an anonymous section. */
export function addSection(pkg: Package, type: string): Delta {
  checkDelta({ kind: "add", section: "new", value: type });
  return record(pkg, { kind: "add", section: pkg.nextName(type), value: type });
}

export function addToList(pkg: Package, tuple: Tuple): Delta {
  const { option, value } = tuple;
  const section = sectionOf(pkg, tuple);
  if (section === undefined || option === undefined || value === undefined) throw new UciError("invalid_argument");
  return record(pkg, { kind: "add_list", section: section.name, option, value });
}

/** Returns undefined when the option does not exist or is a string. */
export function removeFromList(pkg: Package, tuple: Tuple): Delta | undefined {
  const { option, value } = tuple;
  const section = sectionOf(pkg, tuple);
  if (section === undefined || option === undefined || value === undefined) throw new UciError("invalid_argument");
  if (!Array.isArray(section.get(option))) return undefined;
  return record(pkg, { kind: "del_list", section: section.name, option, value });
}

/** Deletes `P.S`, `P.S.O` or, with a value, one item of a list. The value begins with a decimal integer, or is empty. */
export function deleteTuple(pkg: Package, tuple: Tuple): Delta | undefined {
  const { section: reference, option, value } = tuple;
  const section = sectionOf(pkg, tuple);
  if (reference === undefined) throw new UciError("invalid_argument");
  const found = section === undefined || option === undefined ? undefined : section.get(option);
  if (section === undefined || (option !== undefined && found === undefined)) throw new UciError("not_found");
  const index = value === undefined ? undefined : decimalPrefix(value);
  if (!Array.isArray(found) || index === undefined)
    return record(pkg, { kind: "delete", section: section.name, option });
  return index < 0 || index >= found.length
    ? undefined
    : record(pkg, { kind: "delete", section: section.name, option, value });
}

export function renameTuple(pkg: Package, tuple: Tuple): Delta {
  const { section: reference, option, value } = tuple;
  if (reference === undefined) throw new UciError("invalid_argument");
  const section = sectionOf(pkg, tuple);
  if (section === undefined || (option !== undefined && section.get(option) === undefined))
    throw new UciError("not_found");
  if (value === undefined) throw new UciError("invalid_argument");
  const other = option === undefined ? pkg.find(value) : undefined;
  if (other !== undefined && other !== section) throw new UciError("duplicate");
  return record(pkg, { kind: "rename", section: section.name, option, value });
}

/** Moves a section to an index counted without the section itself; undefined when it is already there. */
export function reorderTuple(pkg: Package, tuple: Tuple): Delta | undefined {
  const section = sectionOf(pkg, tuple);
  if (section === undefined || tuple.value === undefined) throw new UciError("not_found");
  const to = position(tuple.value);
  const last = pkg.sections.length - 1;
  if (pkg.sections.items.indexOf(section) === Math.max(0, Math.min(to, last))) return undefined;
  return record(pkg, { kind: "reorder", section: section.name, value: String(to) });
}
