/** Packages as used by the daemons: text instead of bytes, and typed access to options. A view of the model, not a copy. */
import type { Package as Model, Section as ModelSection } from "@nethsec/uci/model";
import { decodeText } from "@nethsec/uci/text";
import { resolveSection } from "@nethsec/uci/tuple";
import { UciError } from "@nethsec/uci/uci-error";
import type { Package, Section } from "../uci-store.ts";

const truths = new Map(
  Object.entries({
    1: true,
    on: true,
    true: true,
    yes: true,
    enabled: true,
    0: false,
    off: false,
    false: false,
    no: false,
    disabled: false,
  }),
);

export function viewPackage(pkg: Model): Package {
  return {
    name: pkg.name,
    get sections() {
      return pkg.sections.items.map(viewSection);
    },
    ofType: (type) => pkg.sections.items.filter((section) => section.type === type).map(viewSection),
    section: (reference) => viewFound(findSection(pkg, reference)),
    get: (section, option) => viewFound(findSection(pkg, section))?.get(option),
  };
}

function viewFound(section: ModelSection | undefined): Section | undefined {
  return section === undefined ? undefined : viewSection(section);
}

/** undefined also for an invalid reference. */
export function findSection(pkg: Model, reference: string): ModelSection | undefined {
  try {
    return resolveSection(pkg, reference);
  } catch (error) {
    if (error instanceof UciError) return undefined;
    throw error;
  }
}

function viewSection(section: ModelSection): Section {
  const raw = (option: string): string | readonly string[] | undefined => {
    const value = section.get(option);
    return typeof value === "object" ? value.map(decodeText) : value === undefined ? undefined : decodeText(value);
  };
  const get = (option: string): string | undefined => {
    const value = raw(option);
    return typeof value === "object" ? value.join(" ") : value;
  };
  return {
    name: section.name,
    type: section.type,
    anonymous: section.anonymous,
    get options() {
      return section.options.items.map(({ name }) => name);
    },
    get,
    list: (option) => {
      const value = raw(option) ?? [];
      return typeof value === "string" ? value.split(/[ \t\r\n]+/).filter((item) => item !== "") : [...value];
    },
    bool: (option, fallback) => truths.get(get(option) ?? "") ?? fallback,
    int: (option, fallback) => {
      const value = get(option)?.trim() ?? "";
      return /^[+-]?[0-9]+$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : fallback;
    },
    raw,
  };
}
