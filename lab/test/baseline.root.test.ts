/** Baseline for ns-ha: the outage of plain keepalived with a hand-written configuration, measured by the same probe. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { expectAtMost, measureFailover } from "../src/keepalived-baseline.ts";
import { Lab } from "../src/lab.ts";
import { story } from "../src/scenario.ts";

setDefaultTimeout(paced(60_000));

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.up({ name: `t${process.pid}` });
});
afterAll(() => lab?.down());

test.each([
  ["classic", 2500, 4000],
  ["fast", 150, 500],
] as const)(
  "%s timing: the virtual address answers from the backup after %d to %d ms",
  (timing, atLeastMs, atMostMs) =>
    story(lab, `keepalived-${timing}`, async () => {
      const outage = await measureFailover(lab, timing, () => undefined);
      console.log(`keepalived alone, ${timing}: ${outage.ms.toFixed(0)} ms`);
      expect(outage.ms).toBeGreaterThan(atLeastMs);
      expectAtMost(outage, atMostMs);
    }),
  paced(60_000),
);
