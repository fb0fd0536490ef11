import { expect, test } from "bun:test";
import { type Expectation, mismatches } from "./expectation.ts";

const answer = { list: [{ id: "a", size: 1 }], word: "x", empty: "", nothing: null, at: "2026-01-01T00:00:00+00:00" };

test.each<[Expectation, number]>([
  [{ equal: { "list[0].id": "a", list: [{ id: "a", size: 1 }] } }, 0],
  [{ equal: { "list[0].id": "b", "list[1].id": "a", "word.id": "x" } }, 3],
  [{ type: { word: "nonempty string", "list[0].size": "integer", at: "iso8601", list: "array" } }, 0],
  [{ type: { empty: "nonempty string", word: "integer", list: "object", nothing: "boolean" } }, 4],
  [{ match: { word: "^x$" }, one_of: { word: ["x", "y"] }, at_least: { "list[0].size": 1 }, length: { list: 1 } }, 0],
  [{ match: { word: "^y$" }, one_of: { word: ["y"] }, at_least: { "list[0].size": 2 }, length: { list: 0 } }, 4],
  [
    {
      contains: { list: { size: 1, id: "a" } },
      present: ["nothing"],
      absent: ["none"],
      falsy: ["empty", "nothing", "none"],
    },
    0,
  ],
  [{ contains: { list: "a" }, present: ["none"], absent: ["nothing"], falsy: ["word"] }, 4],
  [{ within_s: 1 }, 1],
])("%j: %d mismatches", (expectation, count) => {
  expect(mismatches(answer, expectation, 1500)).toHaveLength(count);
});

test("a word that the language does not have is an error, not a success", () => {
  const unknown: object = { equals: { word: "y" } };
  expect(() => mismatches(answer, unknown, 0)).toThrow("equals");
});
