/** 500 units; `bench/fleet.bench.ts` shows 10,000. */
import { expect, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { fleetOutage } from "../testing/fleet-outage.ts";

test.each([1, 60])(
  "a fleet whose controller was away for %d s comes back evenly, within ten minutes",
  async (seconds) => {
    const { perSecond, allMs } = await fleetOutage(500, seconds * 1000);
    // The target of 100 requests a second for 10,000 units is 5 for 500; single seconds may be busier by chance, so average over ten.
    const busiestTen = perSecond.map(
      (_, at) => perSecond.slice(at, at + 10).reduce((sum, count) => sum + count, 0) / 10,
    );
    expect(Math.max(...busiestTen)).toBeLessThanOrEqual(5);
    expect(Math.max(...perSecond)).toBeLessThanOrEqual(15);
    expect(allMs).toBeLessThanOrEqual(600_000);
  },
  paced(60_000),
);
