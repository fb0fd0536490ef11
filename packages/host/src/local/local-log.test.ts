import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { cleanLine, localLog, syslogLine } from "./local-log.ts";

test("a line is what `logger -t TAG -p daemon.LEVEL` sends", () => {
  const at = new Date(2026, 6, 3, 4, 5, 6);
  expect(syslogLine("warning", "mwan3-alert", "Sending alert", at)).toBe(
    "<28>Jul  3 04:05:06 mwan3-alert: Sending alert",
  );
  expect(syslogLine("err", "a b:[x]", "t", at)).toBe("<27>Jul  3 04:05:06 a_b__x_: t");
});

test("no text forges a second line, and none is longer than 4,000 characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 5000 }), (text) => {
      const clean = cleanLine(text);
      expect(clean).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      expect(clean.length).toBeLessThanOrEqual(4 * 4000);
    }),
  );
  expect(cleanLine("a\nb\t\u001b[31m\u0000")).toBe("a\\nb\\t\\x1b[31m\\x00");
  expect(cleanLine("x".repeat(5000))).toBe(`${"x".repeat(3999)}…`);
});

test("without a log nothing blocks and nothing throws", () => {
  const log = localLog("test", "/nonexistent/log");
  const started = performance.now();
  for (let line = 0; line < 20_000; line += 1) log("info", `line ${line}`);
  expect(performance.now() - started).toBeLessThan(2000);
});
