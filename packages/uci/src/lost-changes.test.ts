import { expect, test } from "bun:test";
import { isLost } from "./lost-changes.ts";
import { parsePackage } from "./parse.ts";

const pkg = (options: string): ReturnType<typeof parsePackage> => parsePackage(`config s a\n${options}`, "n");

test.each([
  ["undone", "option x 1\n", "option x 2\n", "option x 1\noption other 9\n", true],
  ["kept", "option x 1\n", "option x 2\n", "option x 2\noption other 9\n", false],
  ["changed further", "option x 1\n", "option x 2\n", "option x 3\n", false],
  ["one of two undone", "", "option x 2\noption y 2\n", "option y 2\n", false],
  ["a new one gone", "", "list x 2\n", "", true],
  ["nothing changed", "option x 1\n", "option x 1\n", "option x 1\n", false],
])("%s", (_, before, ours, now, lost) => {
  expect(isLost(pkg(before), pkg(ours), pkg(now))).toBe(lost);
});
