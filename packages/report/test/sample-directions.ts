/**
 * Three days of reports for tests of download and upload: 20 November 2026 as an earlier version wrote it, with totals only; on the 21st every direction is
 * known; of today, the 22nd, those of all but a small part of one client. Days that are over are rolled up.
 */
import type { Files } from "@nethsec/host/host";
import { cellOf, clientOf, emptyHour, sectionNames, type HourCounters } from "../src/store/hour-counters.ts";
import { hourKey, type Day } from "../src/store/hour-key.ts";
import { writeHour } from "../src/store/hour-store.ts";
import { writeIndex } from "../src/store/hour-tables.ts";
import { rollUp } from "../src/store/roll-up.ts";

export const directionsNow = new Date(2026, 10, 22, 13, 30).getTime();
export const directionDays = {
  old: { year: 2026, month: 11, day: 20 },
  known: { year: 2026, month: 11, day: 21 },
  today: { year: 2026, month: 11, day: 22 },
} as const;
export const directionClients = ["192.168.1.10", "192.168.1.20"] as const;

const gib = 1024 ** 3;

export function writeDirections(files: Files, base: string): void {
  const [one, two] = directionClients;
  const old = emptyHour();
  add(old, one, 5 * gib, 0, 0);
  writeDay(files, base, directionDays.old, old);
  const known = emptyHour();
  add(known, one, 10 * gib, 9 * gib, gib);
  add(known, two, 1000, 200, 800);
  writeDay(files, base, directionDays.known, known);
  const today = emptyHour();
  add(today, one, 4 * gib, 3 * gib, gib);
  add(today, two, 100_000, 90_000, 5000);
  writeDay(files, base, directionDays.today, today);
  rollUp({ files, base, now: () => directionsNow });
}

function add(hour: HourCounters, address: string, bytes: number, download: number, upload: number): void {
  const client = clientOf(hour, address);
  Object.assign(client, { total: bytes, download, upload });
  const names = { protocol: "http/s", application: "netify.google", host: "www.example.com" };
  for (const section of sectionNames)
    Object.assign(cellOf(client[section], names[section]), { bytes, download, upload });
}

function writeDay(files: Files, base: string, day: Day, counters: HourCounters): void {
  for (const [address, client] of counters.clients) writeHour(files, base, hourKey(day, 9), address, client);
  // Files are stamped by the machine's clock, which may be ahead of the sample's.
  writeIndex(files, base, day, 9, counters, { asOf: Math.max(Date.now(), directionsNow) + 60_000, hours: 1 << 9 });
}
