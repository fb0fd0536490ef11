import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { LineCutter } from "./line-cutter.ts";

const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\n"), maxLength: 12 }), { maxLength: 12 });

test("cut anywhere, the lines are those of the whole text, each at most as long as allowed", () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 6 }), (texts, maxLength) => {
      const cutter = new LineCutter(maxLength);
      const lines = [...texts.flatMap((text) => cutter.push(text)), cutter.end()];
      const whole = texts.join("").split("\n");
      expect(lines).toEqual(whole.map((line) => line.slice(0, maxLength)));
    }),
  );
});
