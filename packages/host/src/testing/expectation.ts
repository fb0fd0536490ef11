/**
 * Evaluates the expectation language of test-data/contracts/webui.json (`expect_language`): the required form of an answer. Paths are members and
 * [index], joined by dots; `""` is the whole answer.
 */
import { isDeepStrictEqual } from "node:util";

type Paths = Readonly<Record<string, unknown>>;

export interface Expectation {
  readonly equal?: Paths;
  readonly type?: Readonly<Record<string, string>>;
  readonly match?: Readonly<Record<string, string>>;
  readonly one_of?: Readonly<Record<string, readonly unknown[]>>;
  readonly at_least?: Readonly<Record<string, number>>;
  readonly length?: Readonly<Record<string, number>>;
  readonly contains?: Paths;
  readonly present?: readonly string[];
  readonly absent?: readonly string[];
  readonly falsy?: readonly string[];
  readonly within_s?: number;
}

const missing = Symbol("missing");

function at(answer: unknown, path: string): unknown {
  let value = answer;
  for (const [, member, index] of path.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    if (index !== undefined) value = Array.isArray(value) ? (value[Number(index)] ?? missing) : missing;
    else value = memberOf(value, member ?? "");
    if (value === missing) return missing;
  }
  return value;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
    return missing;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  "nonempty string": (value) => typeof value === "string" && value !== "",
  integer: Number.isInteger,
  boolean: (value) => typeof value === "boolean",
  array: Array.isArray,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  iso8601: (value) =>
    typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)$/.test(value),
  "file name": (value) => typeof value === "string" && /^[^/\0]+$/.test(value) && value !== "." && value !== "..",
};

const operators: Readonly<Record<string, (value: unknown, wanted: unknown) => boolean>> = {
  equal: isDeepStrictEqual,
  type: (value, name) => types[String(name)]?.(value) === true,
  match: (value, pattern) => typeof value === "string" && new RegExp(String(pattern)).test(value),
  one_of: (value, list) => Array.isArray(list) && list.some((each) => isDeepStrictEqual(each, value)),
  at_least: (value, least) => typeof value === "number" && value >= Number(least),
  length: (value, count) => Array.isArray(value) && value.length === count,
  contains: (value, element) => Array.isArray(value) && value.some((each) => isDeepStrictEqual(each, element)),
  present: (value) => value !== missing,
  absent: (value) => value === missing,
  falsy: (value) => value === missing || value === null || value === "",
};

/** The differences from the expectation, one sentence each; empty when the answer is as expected. Throws on an unknown word of the language. */
export function mismatches(answer: unknown, expectation: Expectation, tookMs: number): string[] {
  const wrong: string[] = [];
  for (const [word, wanted] of Object.entries(expectation)) {
    if (word === "within_s") {
      if (tookMs > Number(wanted) * 1000)
        wrong.push(`took ${Math.round(tookMs)} ms, expected within ${String(wanted)} s`);
      continue;
    }
    const holds = operators[word];
    if (holds === undefined) throw new Error(`the language of expectations has no word "${word}"`);
    const paths: [string, unknown][] = Array.isArray(wanted)
      ? wanted.map((path): [string, unknown] => [String(path), undefined])
      : Object.entries(Object(wanted));
    for (const [path, value] of paths) {
      const found = at(answer, path);
      if (!holds(found, value))
        wrong.push(
          `${path}: ${found === missing ? "missing" : JSON.stringify(found)}, expected ${word}${value === undefined ? "" : ` ${JSON.stringify(value)}`}`,
        );
    }
  }
  return wrong;
}
