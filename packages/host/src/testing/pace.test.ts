import { describe, expect, test } from "bun:test";
import { measurePace, pace, paced, paceFrom, paceOf } from "./pace.ts";

describe("the factor for deadlines", () => {
  test.each([
    ["the idle reference machine", { wallMs: 48, cpuMs: 48, loadPerCore: 0 }, 1],
    ["a faster machine: deadlines are never shortened", { wallMs: 20, cpuMs: 20, loadPerCore: 0 }, 1],
    ["a processor four times slower", { wallMs: 192, cpuMs: 192, loadPerCore: 0 }, 4],
    [
      "a load of 20 on two cores, whose share the measurement had by luck",
      { wallMs: 60, cpuMs: 48, loadPerCore: 10 },
      11,
    ],
    ["neighbours who came in the last second: no load average yet", { wallMs: 480, cpuMs: 48, loadPerCore: 0 }, 10],
    ["a machine that hardly moves", { wallMs: 48_000, cpuMs: 48, loadPerCore: 50 }, 40],
  ])("%s", (_what, measured, factor) => {
    expect(paceOf(measured)).toBe(factor);
  });

  test("is measured, and a deadline is stretched by it", () => {
    const measured = measurePace();
    expect(measured).toBeGreaterThanOrEqual(1);
    expect(measured).toBeLessThanOrEqual(40);
    expect(paced(1000)).toBe(Math.round(1000 * pace()));
  });

  test("is taken from the environment, and what is no factor is refused", () => {
    expect(paceFrom("2.5")).toBe(2.5);
    expect(paceFrom(undefined)).toBeUndefined();
    for (const text of ["0", "0.5", "-1", "fast", "Infinity"])
      expect(() => paceFrom(text)).toThrow(`NETHSEC_PACE=${text}`);
  });
});
