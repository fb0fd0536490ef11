import { describe, expect, test } from "bun:test";
import { failuresIn, verdict } from "./verdict.ts";

const good = { passed: 10, failed: 0, skipped: 0 };

describe("the end of a test run", () => {
  test("the last line counts all runs", () => {
    expect(verdict([good, { passed: 2, failed: 1, skipped: 0 }], [], true)).toEqual({
      lines: ["12 passed, 1 failed"],
      exitCode: 1,
    });
    expect(verdict([good], [], true)).toEqual({ lines: ["10 passed, 0 failed"], exitCode: 0 });
  });

  test("nothing run is a failure", () => {
    expect(verdict([], [], false)).toEqual({ lines: ["0 passed, 0 failed"], exitCode: 1 });
  });

  test("two files that passed at their second try are named and counted", () => {
    expect(verdict([good], ["a", "b"], true)).toEqual({
      lines: [
        "Passed at the second try only: a",
        "Passed at the second try only: b",
        "2 files passed at the second try only; CI allows 2.",
        "10 passed, 0 failed",
      ],
      exitCode: 0,
    });
  });

  test("three fail CI, and only CI", () => {
    const three = verdict([good], ["a", "b", "c"], true);
    expect(three.exitCode).toBe(1);
    expect(three.lines.slice(-2)).toEqual([
      "3 files passed at the second try only; more than 2 fail CI.",
      "10 passed, 0 failed",
    ]);
    expect(verdict([good], ["a", "b", "c"], false).exitCode).toBe(0);
  });

  test("a skipped test fails CI", () => {
    expect(verdict([{ ...good, skipped: 1 }], [], true)).toEqual({
      lines: ["A skipped test is a failure in CI.", "10 passed, 0 failed, 1 skipped"],
      exitCode: 1,
    });
    expect(verdict([{ ...good, skipped: 1 }], [], false).exitCode).toBe(0);
  });
});

describe("failed tests in the runner's output", () => {
  test("each with its error, without what passed before", () => {
    const output = [
      "noise",
      "(pass) one [1ms]",
      "error: A",
      "  at x.ts:1",
      "(fail) two [2ms]",
      "(pass) three [1ms]",
      "error: B",
      "(fail) four",
    ];
    expect(failuresIn(output.join("\n"))).toEqual(["error: A\n  at x.ts:1\n(fail) two [2ms]", "error: B\n(fail) four"]);
  });

  test("only the end of a long error, and of a long line", () => {
    const [found = ""] = failuresIn(`${"x\n".repeat(1000)}${"y".repeat(10_000)}\n(fail) it`);
    expect(found.split("\n")).toHaveLength(25);
    expect(found.length).toBeLessThan(400);
    expect(found).toEndWith("(fail) it");
  });

  test("nothing failed", () => {
    expect(failuresIn("(pass) one\n 1 pass\n")).toEqual([]);
  });
});
