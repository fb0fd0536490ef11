import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import * as fc from "fast-check";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readDay } from "./read-day.ts";
import { cellOf, clientOf, emptyHour, sectionNames, type HourCounters } from "./hour-counters.ts";
import { decodeCounters, encodeHour, indexHeader } from "./hour-index.ts";
import { hourKey } from "./hour-key.ts";
import { writeHour } from "./hour-store.ts";
import { indexPath, rebuildIndexes } from "./hour-tables.ts";
import { summarise } from "../query/summary.ts";

setDefaultTimeout(paced(60_000));

const host = fakeHost();
afterAll(() => host[Symbol.dispose]());

const cells = fc.array(
  fc.tuple(
    fc.constantFrom(...sectionNames),
    fc.constantFrom("a", "é", "__proto__", "12", "\ud800", "<b>"),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  ),
  { maxLength: 12 },
);
const hourCounters: fc.Arbitrary<HourCounters> = fc
  .dictionary(fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1", "192.168.0.9"), fc.tuple(fc.nat(), cells))
  .map((clients) => {
    const hour = emptyHour();
    for (const [address, [total, list]] of Object.entries(clients)) {
      clientOf(hour, address).total = total;
      for (const [section, name, bytes] of list) cellOf(clientOf(hour, address)[section], name).bytes = bytes;
    }
    return hour;
  });

const plain = (hour: HourCounters | undefined): unknown =>
  hour &&
  [...hour.clients].map(([address, { total, ...rest }]) => [
    address,
    total,
    sectionNames.map((name) => [...rest[name]]),
  ]);

test("what goes in comes out, wherever the bytes lie in memory", () => {
  fc.assert(
    fc.property(hourCounters, fc.nat(1e15), fc.nat(2 ** 24 - 1), fc.nat(15), (hour, asOf, hours, offset) => {
      const bytes = encodeHour(hour, { asOf, hours });
      const moved = new Uint8Array(bytes.length + offset).subarray(offset);
      moved.set(bytes);
      expect(indexHeader(moved)).toEqual({ asOf, hours });
      expect(plain(decodeCounters(moved))).toEqual(plain(hour));
    }),
  );
});

test("anything else is no index", () => {
  fc.assert(
    fc.property(hourCounters, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(), (hour, at, flip, cut) => {
      const bytes = encodeHour(hour, { asOf: 1, hours: 1 });
      const damaged = bytes.slice();
      damaged[at % damaged.length] = (damaged[at % damaged.length] ?? 0) ^ flip;
      expect(decodeCounters(damaged)).toBeUndefined();
      expect(decodeCounters(bytes.subarray(0, cut % bytes.length))).toBeUndefined();
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expect(decodeCounters(bytes)).toBeUndefined()));
});

let round = 0;
test("a day read by its indexes is the day read by its files, for all clients and for one", () => {
  const day = { year: 2026, month: 3, day: 29 };
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom("0", "2", "13", "23"), hourCounters), (hours) => {
      const base = `/day-${round++}`;
      for (const [hour, counters] of Object.entries(hours))
        for (const [address, client] of counters.clients)
          writeHour(host.files, base, hourKey(day, Number(hour)), address, client);
      const byFiles = [undefined, "10.0.0.2"].map((client) => summarise(readDay(host.files, base, day, client)));
      rebuildIndexes(host.files, base, day, Date.now() + 60_000);
      const byIndex = [undefined, "10.0.0.2"].map((client) => summarise(readDay(host.files, base, day, client)));
      expect(byIndex).toEqual(byFiles);
      if (Object.values(hours).some((counters) => counters.clients.size > 0)) {
        expect([0, 2, 13, 23].some((hour) => host.files.exists(indexPath(base, day, hour)))).toBe(true);
      }
    }),
    { numRuns: 20 },
  );
});
