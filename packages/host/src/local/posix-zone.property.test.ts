import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { zoneLike } from "./local-time.ts";
import { offsetAt, parsePosixZone } from "./posix-zone.ts";

/** POSIX texts of named zones, as OpenWrt's web interface writes them (the last line of the zones' files of tzdata). */
const zones = [
  ["Europe/Rome", "CET-1CEST,M3.5.0,M10.5.0/3"],
  ["Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"],
  ["Europe/Athens", "EET-2EEST,M3.5.0/3,M10.5.0/4"],
  ["America/New_York", "EST5EDT,M3.2.0,M11.1.0"],
  ["America/St_Johns", "NST3:30NDT,M3.2.0,M11.1.0"],
  ["America/Nuuk", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"],
  ["Asia/Kolkata", "IST-5:30"],
  ["Asia/Kathmandu", "<+0545>-5:45"],
  ["Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"],
  ["Australia/Lord_Howe", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"],
  ["Pacific/Chatham", "<+1245>-12:45<+1345>,M9.5.0/2:45,M4.1.0/3:45"],
  ["America/Santiago", "<-04>4<-03>,M9.1.6/24,M4.1.6/24"],
  ["Asia/Jerusalem", "IST-2IDT,M3.4.4/26,M10.5.0"],
  ["Etc/GMT-3", "<+03>-3"],
  ["UTC", "UTC0"],
] as const;

const years = { min: Date.UTC(2026, 0, 1), max: Date.UTC(2029, 11, 31) };

test.each(zones)("%s is %s, whatever the moment", (zone, text) => {
  const posix = parsePosixZone(text);
  if (posix === undefined) throw new Error(`not understood: ${text}`);
  fc.assert(
    fc.property(fc.integer(years), (at) => {
      const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" }).formatToParts(at);
      const offset = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
      const [, sign = "+", hours = "0", minutes = "0"] = /GMT(?:([+-])(\d+):(\d+))?/.exec(offset) ?? [];
      const expected = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
      expect(offsetAt(posix, at)).toBe(expected);
    }),
    { numRuns: 60 },
  );
});

test.each(zones)("a zone with the clock of %s is found for %s", (zone, text) => {
  const posix = parsePosixZone(text);
  const found = posix === undefined ? undefined : zoneLike(posix, 2026);
  const offset = (name: string, at: number): string => new Date(at).toLocaleString("en", { timeZone: name });
  for (let at = Date.UTC(2026, 0, 1); at < Date.UTC(2027, 11, 31); at += 13 * 3_600_000)
    expect(offset(found ?? "", at)).toBe(offset(zone, at));
});

test("days by number: J leaves out 29 February, the others count from 0", () => {
  const leap = parsePosixZone("AAA0BBB,J60/0,J61/0");
  const plain = parsePosixZone("AAA0BBB,59/0,60/0");
  if (leap === undefined || plain === undefined) throw new Error("not understood");
  expect(offsetAt(leap, Date.UTC(2028, 1, 29, 12))).toBe(0);
  expect(offsetAt(leap, Date.UTC(2028, 2, 1, 12))).toBe(3_600_000);
  expect(offsetAt(plain, Date.UTC(2028, 1, 29, 12))).toBe(3_600_000);
});

test.each(["", "CET", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0", "Europe/Rome", "CET-1\nx", "J-1"])(
  "%j is no such zone",
  (text) => {
    expect(parsePosixZone(text)).toBeUndefined();
  },
);
