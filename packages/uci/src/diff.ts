/** The differences between two states of a package. Anonymous sections are matched by their generated names, that is by position. */
import type { Package, Section } from "./model.ts";

type Value = string | readonly string[] | undefined;

export type Difference =
  /** A section was added, was removed (type undefined) or changed its type. */
  | {
      readonly kind: "section";
      readonly section: string;
      readonly before: string | undefined;
      readonly after: string | undefined;
    }
  | {
      readonly kind: "option";
      readonly section: string;
      readonly option: string;
      readonly before: Value;
      readonly after: Value;
    }
  /** The sections that exist in both packages are in a different order. */
  | { readonly kind: "order"; readonly before: readonly string[]; readonly after: readonly string[] };

/** Empty when the packages are equal. Sections in the order of `before`, then the new ones. */
export function diffPackages(before: Package, after: Package): Difference[] {
  const differences: Difference[] = [];
  for (const name of namesOf(before, after)) {
    const [old, now] = [before.find(name), after.find(name)];
    if (old?.type !== now?.type)
      differences.push({ kind: "section", section: name, before: old?.type, after: now?.type });
    differences.push(...diffOptions(name, old, now));
  }
  const common = (pkg: Package, other: Package): string[] =>
    pkg.sections.items.map(({ name }) => name).filter((name) => other.find(name) !== undefined);
  const [first, second] = [common(before, after), common(after, before)];
  if (first.join() !== second.join()) differences.push({ kind: "order", before: first, after: second });
  return differences;
}

function namesOf(before: Package, after: Package): Set<string> {
  return new Set([...before.sections, ...after.sections].map(({ name }) => name));
}

function diffOptions(section: string, old: Section | undefined, now: Section | undefined): Difference[] {
  const names = new Set([...(old?.options ?? []), ...(now?.options ?? [])].map(({ name }) => name));
  return [...names].flatMap((option): Difference[] => {
    const [before, after] = [old?.get(option), now?.get(option)];
    return sameValue(before, after) ? [] : [{ kind: "option", section, option, before, after }];
  });
}

/** A list never equals a string. */
export function sameValue(one: Value, other: Value): boolean {
  if (typeof one !== "object" || typeof other !== "object") return one === other;
  return one.length === other.length && one.every((item, at) => item === other[at]);
}
