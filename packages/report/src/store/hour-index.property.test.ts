import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { paced } from "@nethsec/host/testing/pace";
import * as fc from "fast-check";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { readDay } from "./read-day.ts";
import { cellOf, clientOf, emptyHour, sectionNames, type HourCounters } from "./hour-counters.ts";
import { decodeCounters, encodeHour, indexHeader } from "./hour-index.ts";
import { hourKey } from "./hour-key.ts";
import { writeHour } from "./hour-store.ts";
import { indexPath, readHourFiles, rebuildIndexes, writeIndex } from "./hour-tables.ts";
import { summarise } from "../query/summary.ts";

setDefaultTimeout(paced(60_000));

const host = fakeHost();
afterAll(() => host[Symbol.dispose]());

const cells = fc.array(
  fc.tuple(
    fc.constantFrom(...sectionNames),
    fc.constantFrom("a", "é", "__proto__", "12", "\ud800", "<b>"),
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    fc.integer({ min: 0, max: 4 }),
  ),
  { maxLength: 12 },
);
/** How the directions of all cells of an hour are known: not at all, of all bytes, or of a part. */
const knowledge = fc.constantFrom("nothing", "all", "part");
const directions = (bytes: number, quarters: number, known: string): { download: number; upload: number } => {
  const upload = known === "nothing" ? 0 : Math.floor(bytes / 4) * quarters;
  const rest = bytes - upload;
  return { upload, download: known === "all" ? rest : known === "part" ? Math.floor(rest / 2) : 0 };
};
const hourCounters: fc.Arbitrary<HourCounters> = fc
  .tuple(
    fc.dictionary(fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1", "192.168.0.9"), fc.tuple(fc.nat(), cells)),
    knowledge,
  )
  .map(([clients, known]) => {
    const hour = emptyHour();
    for (const [address, [total, list]] of Object.entries(clients)) {
      Object.assign(clientOf(hour, address), { total, ...directions(total, 1, known) });
      for (const [section, name, bytes, quarters] of list)
        Object.assign(cellOf(clientOf(hour, address)[section], name), { bytes, ...directions(bytes, quarters, known) });
    }
    return hour;
  });

const plain = (hour: HourCounters | undefined): unknown =>
  hour &&
  [...hour.clients].map(([address, { total, download, upload, ...rest }]) => [
    address,
    [total, download, upload],
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

test("indexes that are made anew keep the directions of the bytes that are still there, and only these", () => {
  const day = { year: 2026, month: 3, day: 28 };
  const hour = emptyHour();
  for (const [address, bytes] of [
    ["10.0.0.1", 100],
    ["10.0.0.2", 200],
  ] as const) {
    const known = { download: bytes - 10, upload: 10 };
    Object.assign(clientOf(hour, address), { total: bytes, ...known });
    Object.assign(cellOf(clientOf(hour, address).host, "a"), { bytes, ...known });
    writeHour(host.files, "/anew", hourKey(day, 9), address, clientOf(hour, address));
  }
  writeIndex(host.files, "/anew", day, 9, hour, { asOf: 1, hours: 1 << 9 });
  // Another program wrote fewer bytes than the index has.
  const other = { ...clientOf(emptyHour(), "10.0.0.2"), total: 50 };
  writeHour(host.files, "/anew", hourKey(day, 9), "10.0.0.2", other);
  const kept = { download: 90, upload: 10 };
  const found = (): unknown =>
    [...readHourFiles(host.files, "/anew", day, 9).clients].map(
      ([address, { total, download, upload, host: names }]) => [
        address,
        { total, download, upload },
        [...names.values()],
      ],
    );
  const expected = [
    ["10.0.0.1", { total: 100, ...kept }, [{ bytes: 100, ...kept }]],
    ["10.0.0.2", { total: 50, download: 0, upload: 0 }, []],
  ];
  expect(found()).toEqual(expected);
  rebuildIndexes(host.files, "/anew", day, Date.now() + 60_000);
  expect(found()).toEqual(expected);
  expect(summarise(readDay(host.files, "/anew", day))).toMatchObject({ total: 150, ...kept });
  expect(summarise(readDay(host.files, "/anew", day, "10.0.0.1"))).toMatchObject({ total: 100, ...kept });
});
