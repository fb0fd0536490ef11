/**
 * What a failover costs a user: `make bench-ha` (FAILOVERS of each timing). Power cuts of the master, planned
 * switches, synchronised changes, the idle agent, and beside them, in the same run, keepalived with serial shell scripts as the baseline. Prints a
 * table with the targets of the design and draws docs/ha-figures.svg.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { inPlace, makeCluster, runningServices } from "../src/ha-cluster.ts";
import { checkout } from "../src/layer.ts";
import { Lab } from "../src/lab.ts";
import { vip } from "../src/topology.ts";
import { until } from "@nethsec/host/testing/until";
import { type Series, drawSeries, percentile } from "./series.ts";
import { startSerialBaseline } from "./serial-baseline.ts";

const failovers = Number(process.argv[2]);
if (!Number.isSafeInteger(failovers) || failovers < 1) {
  console.error("ha.bench: the number of failovers of each timing is wanted: make bench-ha FAILOVERS=10");
  process.exit(2);
}
const changes = Math.min(100, failovers * 4);
/** Pairs: there and back. */
const switches = Math.max(2, Math.round(failovers / 5));
/** Slow and of no target. */
const baselineFailovers = Math.min(20, failovers);
const idleSeconds = Math.min(600, failovers * 12);
const name = `bench${process.pid}`;
const say = (text: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${text}`);

/** A bench of an hour is not given up because the lab did not come up once; it says so. */
async function labUp(called = name): Promise<Lab> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await Lab.up({ name: called });
    } catch (error) {
      if (attempt === 3) throw error;
      say(`the lab did not come up, again: ${String(error).split("\n")[0]}`);
    }
  }
}

/** Milliseconds from the power cut; `whole`: TCP through NAT moves again and every service runs. */
interface Cost {
  readonly lan: number;
  readonly tcp: number;
  readonly whole: number;
}

async function failover(lab: Lab, takenOver: () => Promise<void>): Promise<Cost> {
  const probe = await lab.probe({ from: "client1", to: vip }, ["ping", "tcp"]);
  const cut = performance.now();
  await lab.kill("primary");
  await takenOver();
  const services = performance.now() - cut;
  const moving = await probe.outage("tcp", 60_000);
  const report = await probe.stop();
  const lan = report.services.find(({ service }) => service === "ping")?.longestMs ?? 0;
  return { lan, tcp: moving.ms, whole: Math.max(services, moving.ms) };
}

async function clusterFailovers(timing: "fast" | "classic"): Promise<{ costs: Cost[]; lab: Lab }> {
  const lab = await labUp();
  await makeCluster(lab, { timing });
  const costs: Cost[] = [];
  for (let turn = 0; turn < failovers; turn += 1) {
    costs.push(await failover(lab, () => inPlace(lab, "backup", "master")));
    await lab.boot("primary");
    await inPlace(lab, "primary", "master", 60_000);
    await inPlace(lab, "backup", "backup", 60_000);
    say(
      `${timing} ${turn + 1}/${failovers}: ${Object.values(costs.at(-1) ?? {})
        .map(Math.round)
        .join(" / ")} ms`,
    );
  }
  return { costs, lab };
}

/** Both directions count. */
async function plannedSwitches(lab: Lab, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    for (const to of ["backup", "primary"] as const) {
      const probe = await lab.probe({ from: "client1", to: vip });
      await lab.sh("primary", `ns-ha-config switch --to ${to}`, { timeoutMs: 90_000 });
      const report = await probe.stop();
      found.push(report.services.find(({ service }) => service === "ping")?.longestMs ?? 0);
    }
    await inPlace(lab, "primary", "master", 60_000);
    await inPlace(lab, "backup", "backup", 60_000);
  }
  return found;
}

/** From `uci commit` on the primary to the new text in the backup's file. */
async function synchronisedChanges(lab: Lab): Promise<number[]> {
  const file = `/proc/${lab.node("backup").init()?.pid}/root/etc/config/system`;
  const found: number[] = [];
  for (let turn = 0; turn < changes; turn += 1) {
    const note = `note-${turn}-${Date.now()}`;
    await lab.sh("primary", `uci set system.@system[0].notes=${note}; uci commit system`);
    const from = performance.now();
    await until(() => readFileSync(file, "utf8").includes(note), { what: "the change", timeoutMs: 30_000, everyMs: 5 });
    found.push(performance.now() - from);
  }
  return found;
}

interface Idle {
  /** Of one core. */
  readonly share: number;
  /** MiB that nobody else could use if it did not run: its own pages, without those of the executable. */
  readonly own: number;
  /** MiB, with the pages of the executable, which the other services and every command share. */
  readonly resident: number;
}

/** The backup's agent while nothing happens: by processor time, which does not mind that other labs work meanwhile. */
async function idleAgent(): Promise<Idle> {
  await using lab = await labUp(`${name}i`);
  await makeCluster(lab, { timing: "fast" });
  const pid = await lab.sh("backup", "pgrep -o -f 'ns-ha agent'");
  const ticks = async (): Promise<number> => {
    const fields = (await lab.sh("backup", `cat /proc/${pid}/stat`)).split(") ")[1]?.split(" ") ?? [];
    // utime, stime, and those of its ended children.
    return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  };
  const before = await ticks();
  await Bun.sleep(idleSeconds * 1000);
  const share = ((await ticks()) - before) / 100 / idleSeconds;
  const mib = async (field: string): Promise<number> =>
    Math.round(Number(await lab.sh("backup", `awk '/^${field}:/ { print $2 }' /proc/${pid}/status`)) / 1024);
  return { share, own: await mib("RssAnon"), resident: await mib("VmRSS") };
}

async function baseline(): Promise<Cost[]> {
  await using lab = await labUp();
  const services = await startSerialBaseline(lab);
  const costs: Cost[] = [];
  for (let turn = 0; turn < baselineFailovers; turn += 1) {
    const takenOver = async (): Promise<void> => {
      await until(
        async () => {
          const running = await runningServices(lab, "backup");
          return services.every((service) => running.includes(service));
        },
        { what: "every service runs", timeoutMs: 60_000, everyMs: 50 },
      );
      await until(async () => (await lab.sh("backup", "cat /tmp/turn")) === "master done", {
        what: "the script ended",
        timeoutMs: 60_000,
        everyMs: 50,
      });
    };
    costs.push(await failover(lab, takenOver));
    await lab.boot("primary");
    await until(
      async () =>
        (await lab.sh("backup", "cat /tmp/turn")) === "backup done" &&
        (await lab.sh("primary", "cat /tmp/turn 2>/dev/null || :")) === "master done",
      {
        what: "the primary is back",
        timeoutMs: 60_000,
        everyMs: 100,
      },
    );
    say(
      `baseline ${turn + 1}/${baselineFailovers}: ${Object.values(costs.at(-1) ?? {})
        .map(Math.round)
        .join(" / ")} ms`,
    );
  }
  return costs;
}

/** The other figures are not thrown away with one that failed. */
function notMeasured<T>(what: string, instead: T): (error: unknown) => T {
  return (error) => {
    say(`${what} could not be measured: ${String(error).split("\n")[0]}`);
    process.exitCode = 1;
    return instead;
  };
}

const fast = await clusterFailovers("fast");
const fastSwitches = await plannedSwitches(fast.lab, switches);
const synced = await synchronisedChanges(fast.lab);
await fast.lab.down();
const idling = idleAgent().catch(notMeasured("the idle agent", undefined));
const classic = await clusterFailovers("classic");
const classicSwitches = await plannedSwitches(classic.lab, switches);
await classic.lab.down();
const serial = await baseline().catch(notMeasured("the baseline", []));

const idle = await idling;

const of = (costs: readonly Cost[], key: keyof Cost): number[] => costs.map((cost) => cost[key]);
const series: Series[] = [
  { label: "LAN outage, fast", target: 500, values: of(fast.costs, "lan") },
  { label: "LAN outage, classic", target: 3700, values: of(classic.costs, "lan") },
  { label: "whole service back, fast", target: 2000, values: of(fast.costs, "whole") },
  { label: "TCP through NAT, fast", values: of(fast.costs, "tcp") },
  { label: "planned switch, fast", target: 200, values: fastSwitches },
  { label: "planned switch, classic", target: 1000, values: classicSwitches },
  { label: "change applied on the backup", target: 1500, at: 95, values: synced },
  { label: "baseline (serial scripts): whole service back, fast", values: of(serial, "whole") },
  { label: "baseline (serial scripts): TCP through NAT, fast", values: of(serial, "tcp") },
].filter(({ values }) => values.length > 0);

const column = (text: string, width: number): string => text.padStart(width);
console.log(
  `\n${"milliseconds".padEnd(54)}${["n", "p50", "p95", "p99", "max", "target"].map((title) => column(title, 9)).join("")}`,
);
for (const { label, values, target, at } of series) {
  const numbers = [50, 95, 99, 100].map((rank) => column(String(Math.round(percentile(values, rank))), 9)).join("");
  const met = target === undefined ? "" : percentile(values, at ?? 99) <= target ? "met" : "MISSED";
  console.log(
    `${label.padEnd(54)}${column(String(values.length), 9)}${numbers}${column(target === undefined ? "" : `${target}`, 9)} ${met}`,
  );
}
const idleText =
  idle === undefined
    ? "not measured"
    : `${(idle.share * 100).toFixed(2)}% of a core, ${idle.own} MiB of its own, ${idle.resident} MiB with the shared executable, over ${idleSeconds} s`;
console.log(`idle agent of the backup: ${idleText} (targets 0.2%, 45 MB)`);
writeFileSync(`${checkout}/docs/ha-figures.svg`, drawSeries(series, `${failovers} failovers each, ${idleText}`));
console.log("Drawn: docs/ha-figures.svg");
