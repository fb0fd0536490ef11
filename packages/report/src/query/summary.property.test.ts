import { afterAll, expect, test } from "bun:test";
import * as fc from "fast-check";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readDay } from "../store/read-day.ts";
import { cellOf, emptyClient, sectionNames, type SectionName } from "../store/hour-counters.ts";
import { hourKey } from "../store/hour-key.ts";
import { writeHour, writeUnattributed } from "../store/hour-store.ts";
import { rowsOf } from "../cli/export.ts";
import type { Narrow } from "./narrow.ts";
import { summarise } from "./summary.ts";

const host = fakeHost();
afterAll(() => host[Symbol.dispose]());
const day = { year: 2026, month: 10, day: 25 };

interface Item {
  readonly client: string;
  readonly hour: number;
  readonly section: SectionName;
  readonly name: string;
  readonly bytes: number;
}

const item: fc.Arbitrary<Item> = fc.record({
  client: fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::3", "192.168.1.4"),
  hour: fc.integer({ min: 0, max: 23 }),
  section: fc.constantFrom(...sectionNames),
  name: fc.constantFrom("a", "b", "netify.c", "__proto__", "constructor", "12", "é"),
  bytes: fc.integer({ min: 1, max: 2 ** 40 }),
});

const narrowing: fc.Arbitrary<Narrow> = fc.record(
  {
    client: fc.constantFrom("10.0.0.1", "fd00::3", "10.9.9.9"),
    hour: fc.integer({ min: 0, max: 23 }),
    section: fc.constantFrom(...sectionNames),
    value: fc.constantFrom("a", "__proto__", "nowhere"),
  },
  { requiredKeys: [] },
);

let round = 0;

/** Writes hour files whose total is the sum of their protocols. */
function writeItems(items: readonly Item[]): string {
  const base = `/reports-${round++}`;
  for (const client of new Set(items.map((one) => one.client))) {
    for (const hour of new Set(items.filter((one) => one.client === client).map((one) => one.hour))) {
      const counters = emptyClient();
      for (const one of items.filter((other) => other.client === client && other.hour === hour)) {
        cellOf(counters[one.section], one.name).bytes += one.bytes;
        if (one.section === "protocol") counters.total += one.bytes;
      }
      writeHour(host.files, base, hourKey(day, hour), client, counters);
    }
  }
  writeUnattributed(host.files, base, day, new Float64Array(24).fill(7, 3, 5));
  return base;
}

function sum(items: readonly Item[]): number {
  return items.reduce((all, one) => all + one.bytes, 0);
}

test("what the query says is what the hour files say, however narrowed", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 40 }), narrowing, (items, given) => {
      // Only a section together with a value narrows the summary.
      const byName = given.section !== undefined && given.value !== undefined;
      const counters = readDay(host.files, writeItems(items), day);
      const found = summarise(counters, given);
      const wanted = (one: Item, withHour: boolean): boolean =>
        (given.client === undefined || one.client === given.client) &&
        (!withHour || given.hour === undefined || one.hour === given.hour);
      const counted = items.filter((one) =>
        byName ? one.section === given.section && one.name === given.value : one.section === "protocol",
      );
      expect(found.total).toBe(sum(counted.filter((one) => wanted(one, true))));
      for (let hour = 0; hour < 24; hour++)
        expect(found.hours[hour]).toBe(sum(counted.filter((one) => wanted(one, false) && one.hour === hour)));
      for (const { id, bytes } of found.clients)
        expect(bytes).toBe(sum(counted.filter((one) => wanted(one, true) && one.client === id)));
      expect(found.clients.reduce((all, { bytes }) => all + bytes, 0)).toBe(found.total);
      expect(found.sections === undefined).toBe(byName);
      for (const section of sectionNames) {
        const list = found.sections?.[section] ?? [];
        expect(list.map(({ bytes }) => bytes)).toEqual(list.map(({ bytes }) => bytes).toSorted((a, b) => b - a));
        for (const { id, bytes } of list)
          expect(bytes).toBe(
            sum(items.filter((one) => one.section === section && one.name === id && wanted(one, true))),
          );
      }
      expect(found.unattributed).toBe(
        byName || given.client !== undefined
          ? 0
          : given.hour === undefined
            ? 14
            : given.hour === 3 || given.hour === 4
              ? 7
              : 0,
      );
    }),
    { numRuns: 60 },
  );
});

test("reading one client gives what reading all and narrowing gives", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 30 }), (items) => {
      const base = writeItems(items);
      const narrow = { client: "fd00::3" };
      const { total, hours, sections } = summarise(readDay(host.files, base, day, "fd00::3"), narrow);
      expect({ total, hours, sections }).toEqual(
        (({ total, hours, sections }) => ({ total, hours, sections }))(
          summarise(readDay(host.files, base, day), narrow),
        ),
      );
    }),
    { numRuns: 30 },
  );
});

test("an export holds each figure once", () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 40 }), (items) => {
      const rows = [...rowsOf(readDay(host.files, writeItems(items), day), {})];
      for (const section of sectionNames) {
        expect(rows.filter((row) => row[3] === section).reduce((all, row) => all + row[5], 0)).toBe(
          sum(items.filter((one) => one.section === section)),
        );
      }
      expect(rows.filter((row) => row[3] === "total").reduce((all, row) => all + row[5], 0)).toBe(
        sum(items.filter((one) => one.section === "protocol")),
      );
    }),
    { numRuns: 30 },
  );
});
