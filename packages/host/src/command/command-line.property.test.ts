import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Command } from "./command.ts";
import { topLevel } from "./command-path.ts";
import { UsageError } from "../error.ts";
import { editDistance, nearest } from "./nearest.ts";
import { parseArguments } from "./parse-arguments.ts";

const command: Command = {
  name: "x",
  summary: "",
  args: [
    { name: "one", summary: "" },
    { name: "two", summary: "", optional: true },
  ],
  options: [
    { name: "wait", short: "w", summary: "" },
    { name: "lines", short: "n", value: "N", summary: "" },
  ],
};

const word = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom("--wait", "-w", "--lines", "-n", "--lines=3", "--", "-", "--json", "--nope", "-wn", "__proto__"),
);

test("any command line is understood or refused as a usage error, and never gives what was not declared", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        const parsed = parseArguments(topLevel(command), argv);
        for (const name of Object.keys(parsed.args)) expect(["one", "two"]).toContain(name);
        for (const name of Object.keys(parsed.options)) expect(["wait", "lines"]).toContain(name);
        for (const value of Object.values(parsed.args)) expect(argv).toContain(value);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(UsageError);
      }
    }),
  );
});

test("values reach the command whatever they contain, after --", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, two) => {
      expect(parseArguments(topLevel(command), ["-w", "--", one, two])).toMatchObject({
        args: { one, two },
        options: { wait: true },
      });
    }),
  );
});

test("the distance of words is zero for equals only, the same both ways, and never more than the longer word", () => {
  const short = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c", "-") });
  fc.assert(
    fc.property(short, short, (a, b) => {
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

test.each([
  ["stauts", "status"],
  ["stat", "status"],
  ["disbale", "disable"],
  ["xyz", undefined],
  ["", undefined],
])("nearest to %j: %p", (typed, expected) => {
  expect(nearest(typed, ["status", "enable", "disable", "reset"])).toBe(expected);
});
