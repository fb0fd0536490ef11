/** A year of reports that ends on 22 November 2026 at 13:30, rolled up but for today: for tests of questions about ranges. */
import type { Files } from "@nethsec/host/host";
import { cellOf, emptyClient } from "../src/store/hour-counters.ts";
import { hourKey, type Day } from "../src/store/hour-key.ts";
import { writeHour } from "../src/store/hour-store.ts";
import { addDays } from "../src/store/report-day.ts";
import { rollUp } from "../src/store/roll-up.ts";

export const sampleNow = new Date(2026, 10, 22, 13, 30).getTime();
export const sampleToday: Day = { year: 2026, month: 11, day: 22 };
export const sampleClients = ["192.168.1.10", "192.168.1.20"] as const;
/** No record: a week in May without the daemon. */
const gap = { from: 20_260_504, to: 20_260_510 };

const numberOf = ({ year, month, day }: Day): number => (year * 100 + month) * 100 + day;

/** Bytes of a client on a day: 1,000 times the client's number and the day of the month; the second client has every other day only. */
export function sampleBytes(client: (typeof sampleClients)[number], day: Day): number {
  const number = numberOf(day);
  if (number >= gap.from && number <= gap.to) return 0;
  if (client === "192.168.1.20" && day.day % 2 === 1) return 0;
  return 1000 * day.day * (sampleClients.indexOf(client) + 1);
}

/** The last `days` before today, and today. A tenth of each client's bytes has no host name; "rare.example.org" was visited by the second client on 10 and 12 March. */
export function writeSampleYear(files: Files, base: string, days = 365): void {
  for (let back = days; back >= 0; back--) {
    const day = addDays(sampleToday, -back);
    for (const client of sampleClients) {
      const bytes = sampleBytes(client, day);
      if (bytes === 0) continue;
      const counters = emptyClient();
      counters.total = bytes;
      cellOf(counters.protocol, "http/s").bytes = bytes;
      cellOf(counters.application, day.day % 3 === 0 ? "netify.youtube" : "netify.google").bytes = bytes;
      const isRare = client === "192.168.1.20" && day.month === 3 && (day.day === 10 || day.day === 12);
      cellOf(counters.host, isRare ? "rare.example.org" : "www.example.com").bytes = bytes * 0.9;
      writeHour(files, base, hourKey(day, 9), client, counters);
    }
  }
  rollUp({ files, base, now: () => sampleNow });
}

/** The expected sum over the days from `from` to `to`. */
export function sampleSum(
  from: Day,
  to: Day,
  clients: readonly (typeof sampleClients)[number][] = sampleClients,
): number {
  let sum = 0;
  for (let day = from; numberOf(day) <= numberOf(to); day = addDays(day, 1))
    for (const client of clients) sum += sampleBytes(client, day);
  return sum;
}
