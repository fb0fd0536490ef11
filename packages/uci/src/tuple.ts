/** `PACKAGE[.SECTION[.OPTION]][=VALUE]` of the command line, and references to sections (spec "uci", section 3). */
import type { Package, Section } from "./model.ts";
import { isName, isPackageName, isType, isValue } from "./names.ts";
import { UciError } from "./uci-error.ts";

export interface Tuple {
  readonly package: string;
  /** A name or a reference such as `@rule[-1]`; may be invalid: {@link resolveSection} checks it. */
  readonly section: string | undefined;
  readonly option: string | undefined;
  readonly value: string | undefined;
}

/** Throws {@link UciError} "parse". `isPackage` decides which packages are accepted, by default {@link isPackageName}. */
export function parseTuple(text: string, isPackage: (name: string) => boolean = isPackageName): Tuple {
  const equals = text.indexOf("=");
  const value = equals < 0 ? undefined : text.slice(equals + 1);
  const [name = "", section, option, more] = (equals < 0 ? text : text.slice(0, equals)).split(".", 4);
  if (more !== undefined || !isPackage(name)) throw new UciError("parse");
  if (option !== undefined && !isName(option)) throw new UciError("parse");
  if (value !== undefined && !isValue(value)) throw new UciError("parse");
  return { package: name, section, option, value };
}

/** The section that a name or a reference `@TYPE[INDEX]` denotes now. Throws {@link UciError} "invalid_argument" when it is neither. */
export function resolveSection(pkg: Package, reference: string): Section | undefined {
  if (isName(reference)) return pkg.find(reference);
  const match = /^@([^[]*)\[([^\]]*)\]$/.exec(reference);
  const type = match?.[1] ?? "";
  const index = match?.[2] ?? "x";
  if ((type !== "" && !isType(type)) || !/^(?:[\t-\r ]*[+-]?[0-9]+)?$/.test(index))
    throw new UciError("invalid_argument");
  return pkg.nth(type, index === "" ? 0 : Number.parseInt(index.trim(), 10));
}
