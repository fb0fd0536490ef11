/** `bun packages/plug/bench/fleet.bench.ts [units]`: simulates a fleet registering again after a controller outage, and its heartbeats over time. */
import { fleetOutage } from "../src/testing/fleet-outage.ts";
import { heartbeatSeconds } from "../src/testing/heartbeat-seconds.ts";

const units = Number(process.argv[2] ?? 10_000);
const away: readonly (readonly [text: string, seconds: number])[] = [
  ["1 second", 1],
  ["1 minute", 60],
  ["3 minutes", 180],
  ["30 minutes", 1800],
];
for (const [text, seconds] of away) {
  const { perSecond, allMs } = await fleetOutage(units, seconds * 1000);
  console.log(
    `${units} units, controller away for ${text}: at most ${Math.max(...perSecond)} requests a second (target 100), all registered after ${Math.round(allMs / 1000)} s (target 600)`,
  );
}
const heartbeats = await heartbeatSeconds(units);
console.log(
  `${units} heartbeats in ten minutes: ${Math.min(...heartbeats)} to ${Math.max(...heartbeats)} a second, ${(units / 600).toFixed(1)} on average`,
);
