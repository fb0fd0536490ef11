/** The bench draws a figure of the manual: it measures as many failovers as it is said to, or nothing. */
import { expect, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import { checkout } from "../src/layer.ts";

test("make bench-ha plays the 50 failovers of each timing that its help and the manual name", () => {
  const { stdout } = Bun.spawnSync(["make", "--dry-run", "bench-ha"], { cwd: checkout });
  expect(stdout.toString()).toContain("lab/bench/ha.bench.ts 50\n");
});

test("it does not begin without a number", () => {
  for (const given of [[], ["many"], ["0"], ["2.5"]]) {
    const argv = [process.execPath, `${import.meta.dirname}/ha.bench.ts`, ...given];
    const { exitCode, stderr } = Bun.spawnSync(argv, { timeout: paced(5000) });
    expect([exitCode, stderr.toString()]).toEqual([
      2,
      "ha.bench: the number of failovers of each timing is wanted: make bench-ha FAILOVERS=10\n",
    ]);
  }
});
