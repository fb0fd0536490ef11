import { expect, test } from "bun:test";
import { comparison, withoutName } from "./compare.ts";

test("more, less, the same, many times, nothing to compare with", () => {
  const before = (total: number, recordedDays = 1): Parameters<typeof comparison>[1] => ({ total, recordedDays });
  expect(comparison(112, before(100))).toBe("12% more than before (100 B)");
  expect(comparison(50, before(100))).toBe("50% less than before (100 B)");
  expect(comparison(100, before(100))).toBe("as much as before (100 B)");
  expect(comparison(150_000, before(100))).toBe("1,500 times as much as before (100 B)");
  expect(comparison(5, before(0))).toBe("nothing before");
  expect(comparison(5, before(0, 0))).toBeUndefined();
  expect(withoutName(10, [{ bytes: 3 }, { bytes: 4 }])).toBe(3);
});
