import { expect, test } from "bun:test";
import fc from "fast-check";
import { retryDelayMs } from "./backoff.ts";

test.each([
  [0, 0, 0],
  [1, 2500, 5000],
  [2, 5000, 10_000],
  [5, 40_000, 80_000],
  [7, 150_000, 300_000],
  [1000, 150_000, 300_000],
])("after %d failures it waits %d to %d ms", (failures, least, most) => {
  expect(retryDelayMs(failures, 0)).toBe(least);
  expect(retryDelayMs(failures, 1)).toBe(most);
});

test("never shorter for more failures, never over five minutes", () => {
  fc.assert(
    fc.property(fc.nat(100), fc.double({ min: 0, max: 1, noNaN: true }), (failures, fraction) => {
      const delay = retryDelayMs(failures, fraction);
      expect(delay).toBeLessThanOrEqual(300_000);
      expect(retryDelayMs(failures + 1, fraction)).toBeGreaterThanOrEqual(delay);
    }),
  );
});
