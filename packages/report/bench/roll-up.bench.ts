/**
 * Roll-ups beside reading the hour files, in one run: `bun packages/report/bench/roll-up.bench.ts [clients]`. 1,000 clients with 200 hosts a day each
 * (four fifths of them the same every day). Measured in CPU time: a day's roll-up (CPU), a month's summary, a client's year, a search over a year; and the size of a
 * year of 100 clients. The hour files of one day are really read; the ratio is to reading as many days of them as the question covers.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { searchRange } from "../src/query/search.ts";
import { summariseRange } from "../src/query/range-summary.ts";
import { dayBuilder } from "../src/store/day-builder.ts";
import { addCell, cellOf, clientOf, emptyHour, type SectionName } from "../src/store/hour-counters.ts";
import { columnsOf } from "../src/store/hour-index.ts";
import { hourKey, type Day } from "../src/store/hour-key.ts";
import { writeHour } from "../src/store/hour-store.ts";
import { rebuildIndexes, writeIndex } from "../src/store/hour-tables.ts";
import type { Period } from "../src/store/period.ts";
import type { DayCounters } from "../src/store/day-counters.ts";
import { periodOfDay } from "../src/store/period-builder.ts";
import { readDay } from "../src/store/read-day.ts";
import { readRange, type DayRange } from "../src/store/read-range.ts";
import { addDays } from "../src/store/report-day.ts";
import { rollUp } from "../src/store/roll-up.ts";
import { rollUpFolder, writeRolledDay } from "../src/store/roll-up-files.ts";

const clients = Number(process.argv[2] ?? 1000);
const base = mkdtempSync(join(tmpdir(), "nethsec-roll-up-bench-"));
const files = localFiles("/");
const first: Day = { year: 2025, month: 1, day: 1 };
const now = (): number => new Date(2026, 1, 1).getTime();
let seed = 7;
const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;

/** A client's names of a day: 160 hosts of its own, 40 from everywhere, each in one hour; ten applications and six protocols. */
function dayOf(day: Day, count: number): DayCounters {
  const hours = Array.from({ length: 24 }, () => emptyHour());
  for (let client = 0; client < count; client++) {
    const address = `10.0.${client >> 8}.${client & 255}`;
    const add = (section: SectionName, name: string, hour: number): void => {
      const bytes = Math.floor(random() ** 5 * 1e8) + 100;
      const counters = clientOf(hours[hour] ?? emptyHour(), address);
      // One name of twenty has bytes whose direction the agent did not tell.
      const upload = Math.floor(bytes * random() * 0.3);
      const download = random() < 0.05 ? bytes - upload - 50 : bytes - upload;
      addCell(cellOf(counters[section], name), { bytes, download, upload });
      if (section !== "application") return;
      counters.total += bytes;
      counters.download += download;
      counters.upload += upload;
    };
    for (let host = 0; host < 200; host++) {
      const name = host < 160 ? `site-${(client * 37 + host * host) % 4000}` : `cdn-${Math.floor(random() * 30_000)}`;
      add("host", `${name}.example.com`, host % 24);
    }
    for (let hour = 0; hour < 24; hour++) {
      for (let at = 0; at < 10; at++) add("application", `netify.application-${(client + at) % 60}`, hour);
      for (let at = 0; at < 6; at++) add("protocol", `protocol-${at}`, hour);
    }
  }
  const builder = dayBuilder(day);
  builder.clients(Array.from({ length: count }, (_, client) => `10.0.${client >> 8}.${client & 255}`));
  for (const [hour, counters] of hours.entries()) {
    if (counters.clients.size > 0) builder.hour(hour, columnsOf(counters));
    if (day !== first) continue;
    for (const [address, own] of counters.clients) writeHour(files, base, hourKey(day, hour), address, own);
    writeIndex(files, base, day, hour, counters, { asOf: 0, hours: 2 ** 24 - 1 });
  }
  return builder.finish();
}

function timed<Result>(work: () => Result): { readonly ms: number; readonly cpu: number; readonly result: Result } {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - began, cpu: (user + system) / 1000, result };
}

/** CPU time, milliseconds: the shortest of some rounds. */
function best(work: () => number, rounds: number): number {
  if (work() === 0) throw new Error("an empty answer");
  return Math.min(...Array.from({ length: rounds }, () => timed(work).cpu));
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).blocks * 512, 0);
}

function say(what: string, figure: string, target: string, hours: number, ms: number): void {
  console.log(
    `${what.padEnd(34)} ${figure.padStart(12)}   target ${target.padEnd(8)}   ${(ms / hours).toFixed(4)} of the time to read the hour files`,
  );
}

const source = { files, base, day: (day: Day) => readDay(files, base, day) };
const year = { from: first, to: { year: 2025, month: 12, day: 31 } };
const month = { from: { year: 2025, month: 11, day: 1 }, to: { year: 2025, month: 11, day: 30 } };
const periods = (range: DayRange, byDay: boolean): Iterable<Period> => readRange(source, range, byDay);

try {
  dayOf(first, clients);
  const plain = best(() => readDay(files, base, first).clients.length, 1);
  // The daemon writes them while it counts; here they are made newer than the hour files, and keep their directions.
  rebuildIndexes(files, base, first, Date.now() + 1000);
  const rolled = timed(() => rollUp({ files, base, now }));
  say("roll-up of a day, with its month", `${rolled.cpu.toFixed(0)} ms CPU`, "2,000 ms", plain, rolled.cpu);
  const days = 365;
  // Every month has the same 31 days, in another order of months only: they are made once.
  const days31 = Array.from({ length: 31 }, (_, index) =>
    periodOfDay(dayOf(addDays(first, index + 31), clients), now()),
  );
  for (let index = 1; index < days; index++) {
    const day = addDays(first, index);
    const same = days31[day.day - 1];
    if (same !== undefined) writeRolledDay(files, base, { ...same, first: day });
  }
  const months = timed(() => rollUp({ files, base, now }));
  console.log(`twelve months from their days: ${(months.cpu / 1000).toFixed(1)} s CPU`);
  const asks: [string, string, number, () => number][] = [
    ["a month's summary", "300 ms", 30, () => summariseRange(periods, month).clients.length],
    ["one client's year", "100 ms", 365, () => summariseRange(periods, year, { client: "10.0.0.9" }).bars.length],
    ["search over a year", "1,000 ms", 365, () => searchRange(readRange(source, year), "site-37").found.length],
    [
      "one host's year",
      "",
      365,
      () => summariseRange(periods, year, { section: "host", value: "site-37.example.com" }).bars.length,
    ],
    [
      "30 days across two months",
      "",
      30,
      () => summariseRange(periods, { from: addDays(month.from, 10), to: addDays(month.to, 10) }).clients.length,
    ],
  ];
  for (const [what, target, covered, ask] of asks) {
    const ms = best(ask, 5);
    say(what, `${ms.toFixed(0)} ms`, target, plain * covered, ms);
  }
  const size = sizeOf(rollUpFolder(base));
  console.log(
    `a year of ${clients} clients: ${(size / 1e6).toFixed(0)} MB in ${readdirSync(rollUpFolder(base)).length} files; of 100 clients: about ${((size / 1e6 / clients) * 100).toFixed(0)} MB (target 200 MB)`,
  );
} finally {
  rmSync(base, { recursive: true, force: true });
}
