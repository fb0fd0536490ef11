import { expect, test } from "bun:test";
import fc from "fast-check";
import { backoffMs, jitteredBackoffMs } from "./backoff.ts";

const backoff = { firstMs: 1000, longestMs: 30_000 };

test("waits double up to the longest one", () => {
  expect([0, 1, 2, 3, 6, 2000].map((failures) => backoffMs(failures, backoff))).toEqual([
    0, 1000, 2000, 4000, 30_000, 30_000,
  ]);
});

test("jitter is full and stays within the limit", () => {
  fc.assert(
    fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (failures, fraction) => {
      const ms = jitteredBackoffMs(failures, fraction, backoff);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(backoffMs(failures, backoff));
    }),
  );
  expect([1, 2, 3].map((failures) => jitteredBackoffMs(failures, 0.5, backoff))).toEqual([500, 1000, 2000]);
});
