import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import type { Files } from "@nethsec/host/host";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import { writeSampleDay } from "../../test/sample-reports.ts";
import { run as cleanUp } from "../cleanup/dpireport-cleanup.ts";
import { isIntact } from "./column-file.ts";
import { downloadOf, uploadOf } from "./directions.ts";
import {
  addCell,
  cellOf,
  emptyClient,
  emptyHour,
  sectionNames,
  type HourCounters,
  type SectionName,
} from "./hour-counters.ts";
import { indexPath, writeIndex } from "./hour-tables.ts";
import { hourKey, type Day } from "./hour-key.ts";
import { hourPath, listDays, writeHour } from "./hour-store.ts";
import { decodePeriod, encodePeriod, type Period } from "./period.ts";
import { periodOfDay } from "./period-builder.ts";
import { eachRow } from "./day-counters.ts";
import { readDay } from "./read-day.ts";
import { readRange, type DayRange } from "./read-range.ts";
import { rollUp } from "./roll-up.ts";
import { listRolled, readRolledDay, readRolledMonth, rolledDayPath, rolledMonthPath } from "./roll-up-files.ts";

setDefaultTimeout(paced(60_000));

const base = "/var/run/dpireport";
// Later than the real clock, by which files are stamped.
const now = new Date(2100, 0, 5, 3, 0).getTime();
const from = { year: 2099, month: 12, day: 30 };
const days: readonly Day[] = [from, { ...from, day: 31 }, { year: 2100, month: 1, day: 1 }];
const range: DayRange = { from: { ...from, day: 1 }, to: { year: 2100, month: 1, day: 31 } };

const size = { clients: 2, hours: 4, hostile: true, directions: true };
let host: FakeHost;
beforeEach(() => {
  host = fakeHost({ now });
});
afterEach(() => host[Symbol.dispose]());

const everything = (files: Files): ReturnType<typeof rollUp> => rollUp({ files, base, now: () => now });

/** Sums by key, of bytes and of what is known of their directions. */
class Sums {
  readonly #found = new Map<string, number>();

  add(key: string, bytes: number, download: number, upload: number): void {
    for (const [part, amount] of Object.entries({ bytes, download, upload }))
      if (amount > 0) this.#found.set(`${key} ${part}`, (this.#found.get(`${key} ${part}`) ?? 0) + amount);
  }

  sorted(): Map<string, number> {
    return new Map([...this.#found].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** By client, and by client and name: the same whatever periods they come from. */
function sums(periods: Iterable<Period>): Map<string, number> {
  const found = new Sums();
  for (const { clients, totals, directions, slots, sections, unattributed } of periods) {
    for (const [at, client] of clients.entries()) {
      for (let cell = at * slots; cell < at * slots + slots; cell++) {
        const all = totals[cell] ?? 0;
        found.add(client, all, downloadOf(directions, cell, all), uploadOf(directions, cell));
      }
    }
    for (const bytes of unattributed) found.add("unattributed", bytes, 0, 0);
    for (const section of sectionNames) {
      const { counts, name, names, bytes, directions: known } = sections[section];
      let row = 0;
      for (const [at, client] of clients.entries()) {
        for (const end = row + (counts[at] ?? 0); row < end; row++) {
          const key = `${client} ${section} ${names.at(name[row] ?? 0)}`;
          found.add(key, bytes[row] ?? 0, downloadOf(known, row, bytes[row] ?? 0), uploadOf(known, row));
        }
      }
    }
  }
  return found.sorted();
}

/** The same from the hour files. */
function hourSums(files: Files, list: readonly Day[]): Map<string, number> {
  const found = new Sums();
  for (const day of list) {
    const { clients, totals, download, upload, sections, unattributed } = readDay(files, base, day);
    for (const [at, client] of clients.entries())
      for (let cell = at * 24; cell < at * 24 + 24; cell++)
        found.add(client, totals[cell] ?? 0, download[cell] ?? 0, upload[cell] ?? 0);
    for (const bytes of unattributed) found.add("unattributed", bytes, 0, 0);
    for (const section of sectionNames)
      for (const row of eachRow(sections[section]))
        found.add(
          `${clients[row.client]} ${section} ${sections[section].names[row.name]}`,
          row.bytes,
          row.download,
          row.upload,
        );
  }
  return found.sorted();
}

const asRead = (files: Files, asked = range): Map<string, number> =>
  sums(readRange({ files, base, day: (day) => readDay(files, base, day) }, asked));

function writeDays(): Map<string, number> {
  for (const day of days) writeSampleDay(host.files, base, day, size, day.day);
  return hourSums(host.files, days);
}

test("days and months hold what the hours held, before, after, and when the hours are gone", () => {
  const expected = writeDays();
  expect(asRead(host.files)).toEqual(expected);
  expect(everything(host.files)).toMatchObject({ days, months: [{ month: 12 }, { month: 1 }] });
  expect(asRead(host.files)).toEqual(expected);
  host.files.remove(`${base}/2099`, { recursive: true });
  host.files.remove(`${base}/2100`, { recursive: true });
  expect(asRead(host.files)).toEqual(expected);
  // A part of a month comes from its days.
  expect(asRead(host.files, { from, to: from })).toEqual(sums([periodOf(from)]));
  expect(host.files.stat(rolledDayPath(base, from))?.mode).toBe(0o640);
});

function periodOf(day: Day): Period {
  const period = readRolledDay(host.files, base, day);
  if (period === undefined) throw new Error("no roll-up");
  return period;
}

test("a second run writes nothing", () => {
  writeDays();
  everything(host.files);
  expect(everything(host.files)).toEqual({ days: [], months: [] });
});

test("today, and a day that ended minutes ago, is not rolled up", () => {
  writeSampleDay(host.files, base, days[2] ?? from, { clients: 1, hours: 2 });
  const midnight = new Date(2100, 0, 2).getTime();
  for (const at of [midnight - 1, midnight + 60_000])
    expect(rollUp({ files: host.files, base, now: () => at }).days).toEqual([]);
  expect(rollUp({ files: host.files, base, now: () => midnight + 3_600_000 }).days).toHaveLength(1);
});

/** Throws at the n-th change, before or after it takes effect: what a crash or a full disk leaves behind. */
function failing(files: Files, at: number, after: boolean): Files {
  let left = at;
  const guarded =
    <Args extends unknown[]>(change: (...args: Args) => void) =>
    (...args: Args): void => {
      const isLast = left-- === 0;
      if (isLast && !after) throw new Error("power lost");
      change(...args);
      if (isLast) throw new Error("power lost");
    };
  return {
    ...files,
    write: guarded(files.write.bind(files)),
    rename: guarded(files.rename.bind(files)),
    remove: guarded(files.remove.bind(files)),
  };
}

describe.each([false, true])("a crash after the change took effect: %p", (after) => {
  test("at any step of roll-up and clean-up loses and doubles nothing, neither then nor after the next run", () => {
    const expected = writeDays();
    host.setFileSystem({ size: 20_000_000, free: 1, device: 1 });
    // Everything but the roll-ups has to go.
    const options = { "max-size": "80K" };
    let steps = 0;
    for (let crashed = true; crashed; steps++) {
      using machine = fakeHost({ now });
      machine.setFileSystem({ size: 20_000_000, free: 1, device: 1 });
      for (const day of days) writeSampleDay(machine.files, base, day, size, day.day);
      try {
        cleanUp(fakeCall({ ...machine, files: failing(machine.files, steps, after) }, { options }).call);
        crashed = machine.logged.join().includes("power lost");
      } catch {
        crashed = true;
      }
      expect([steps, asRead(machine.files)]).toEqual([steps, expected]);
      cleanUp(fakeCall(machine, { options }).call);
      expect([steps, asRead(machine.files)]).toEqual([steps, expected]);
      expect(listDays(machine.files, base)).toEqual([]);
      expect(machine.files.list(base).filter((name) => name.startsWith(".removed-"))).toEqual([]);
    }
    // Three days and two months are written, three folders renamed and removed.
    expect(steps).toBeGreaterThan(11);
  });
});

test("hours that come late are rolled up anew, in day and month; hours that are gone take nothing away", () => {
  writeDays();
  everything(host.files);
  const late = emptyClient();
  late.total = 77;
  for (const section of sectionNames) cellOf(late[section], "late").bytes = 77;
  writeHour(host.files, base, hourKey(from, 9), "10.0.0.99", late);
  // The folder's change is stamped by the real clock, which the roll-up's time is far ahead of.
  const again = rollUp({ files: host.files, base, now: () => now });
  expect(again.days).toEqual([]);
  touchRolled(from);
  expect(rollUp({ files: host.files, base, now: () => now })).toMatchObject({ days: [from], months: [{ month: 12 }] });
  expect(asRead(host.files).get("10.0.0.99 host late bytes")).toBe(77);
  expect(asRead(host.files)).toEqual(hourSums(host.files, days));
  const expected = asRead(host.files);
  host.files.remove(hourPath(base, hourKey(from, 9), "10.0.0.99"));
  touchRolled(from);
  rollUp({ files: host.files, base, now: () => now });
  expect(asRead(host.files)).toEqual(expected);
});

test("hour files that come back without their indexes do not take the directions out of a roll-up", () => {
  const expected = writeDays();
  everything(host.files);
  touchRolled(from);
  for (let hour = 0; hour < 24; hour++) host.files.remove(indexPath(base, from, hour));
  expect(rollUp({ files: host.files, base, now: () => now }).days).toEqual([]);
  expect(asRead(host.files)).toEqual(expected);
});

/** Makes a day's roll-up one that is older than its hour files. */
function touchRolled(day: Day): void {
  const old = readRolledDay(host.files, base, day);
  if (old === undefined) throw new Error("no roll-up");
  const builder = periodOfDay(readDay(host.files, base, { year: 1999, month: 1, day: 1 }), 1);
  writeOld(day, { ...old, versions: builder.versions });
}

function writeOld(day: Day, period: Period): void {
  host.files.write(rolledDayPath(base, day), Bun.zstdCompressSync(encodePeriod(period)));
}

test("a damaged roll-up is made anew", () => {
  const expected = writeDays();
  everything(host.files);
  host.files.write(rolledDayPath(base, from), "not a roll-up");
  host.files.write(rolledMonthPath(base, { year: 2100, month: 1 }), new Uint8Array(100));
  expect(asRead(host.files)).toEqual(expected);
  everything(host.files);
  expect(asRead(host.files)).toEqual(expected);
  expect(listRolled(host.files, base)).toMatchObject({ days, months: [{ month: 12 }, { month: 1 }] });
});

test("cut or changed bytes are no period", () => {
  writeSampleDay(host.files, base, from, { clients: 2, hours: 2 });
  const bytes = encodePeriod(periodOfDay(readDay(host.files, base, from), 5));
  expect(decodePeriod(bytes)?.clients).toHaveLength(2);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      expect(decodePeriod(bytes.subarray(0, at))).toBeUndefined();
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      expect(isIntact(changed)).toBe(false);
    }),
  );
});

test("for any traffic the sum of the days is the month", () => {
  const name = fc.constantFrom("a", "b", "__proto__", "12", "other");
  const cells = fc.array(
    fc.record({
      day: fc.integer({ min: 1, max: 28 }),
      hour: fc.integer({ min: 0, max: 23 }),
      client: fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1"),
      section: fc.constantFrom<SectionName>("protocol", "application", "host"),
      name,
      bytes: fc.integer({ min: 1, max: 2 ** 40 }),
      // Shares of the bytes, in quarters: of half of them at the most each direction.
      download: fc.integer({ min: 0, max: 2 }),
      upload: fc.integer({ min: 0, max: 2 }),
    }),
    { minLength: 1, maxLength: 15 },
  );
  fc.assert(
    fc.property(cells, (list) => {
      using machine = fakeHost({ now });
      const hours = new Map<
        string,
        { day: Day; hour: number; client: string; counters: ReturnType<typeof emptyClient> }
      >();
      for (const { day, hour, client, section, name: text, bytes, ...quarters } of list) {
        const key = `${day} ${hour} ${client}`;
        const at = { year: 2099, month: 2, day };
        const entry = hours.get(key) ?? { day: at, hour, client, counters: emptyClient() };
        const known = {
          download: Math.floor((bytes * quarters.download) / 4),
          upload: Math.floor((bytes * quarters.upload) / 4),
        };
        addCell(cellOf(entry.counters[section], text), { bytes, ...known });
        entry.counters.total += bytes;
        entry.counters.download += known.download;
        entry.counters.upload += known.upload;
        hours.set(key, entry);
      }
      const asOf = Date.now() + 60_000;
      const indexes = new Map<string, { day: Day; hour: number; all: HourCounters }>();
      for (const { day, hour, client, counters } of hours.values()) {
        writeHour(machine.files, base, hourKey(day, hour), client, counters);
        const index = indexes.get(`${day.day} ${hour}`) ?? { day, hour, all: emptyHour() };
        index.all.clients.set(client, counters);
        indexes.set(`${day.day} ${hour}`, index);
      }
      for (const { day, hour, all } of indexes.values())
        writeIndex(machine.files, base, day, hour, all, { asOf, hours: 1 << hour });
      const all = Array.from({ length: 28 }, (_, index) => ({ year: 2099, month: 2, day: index + 1 }));
      const expected = hourSums(machine.files, all);
      everything(machine.files);
      const month = readRolledMonth(machine.files, base, { year: 2099, month: 2 });
      expect(sums(month === undefined ? [] : [month])).toEqual(expected);
      const first = { year: 2099, month: 2, day: 1 };
      // Any cut in two parts adds up to the whole.
      const parts = [7, 14].flatMap((day) => [
        { from: first, to: { ...first, day } },
        { from: { ...first, day: day + 1 }, to: { ...first, day: 28 } },
      ]);
      for (const at of [0, 2]) {
        const source = { files: machine.files, base, day: (day: Day) => readDay(machine.files, base, day) };
        expect(sums(parts.slice(at, at + 2).flatMap((part) => [...readRange(source, part)]))).toEqual(expected);
      }
    }),
    { numRuns: 10 },
  );
});
