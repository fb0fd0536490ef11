import { describe, expect, test } from "bun:test";
import { describeTimeline, parseLog } from "./timeline.ts";

describe("parseLog", () => {
  const reference = Date.UTC(2026, 10, 22, 1, 0, 0);
  test("classic syslog lines get the year of the lab", () => {
    expect(parseLog("Nov 22 01:22:43 primary daemon.info dnsmasq[72]: started\n", "primary", reference)).toEqual([
      { at: Date.UTC(2026, 10, 22, 1, 22, 43), who: "primary", text: "primary daemon.info dnsmasq[72]: started" },
    ]);
  });
  test("December's lines read in January are last year's", () => {
    expect(parseLog("Dec 31 23:59:59 x: y", "primary", Date.UTC(2027, 0, 1))[0]?.at).toBe(
      Date.UTC(2026, 11, 31, 23, 59, 59),
    );
  });
  test("RFC 3339 times keep their milliseconds", () => {
    expect(parseLog("2026-11-22T01:22:43.250+00:00 x: y", "backup", reference)[0]).toEqual({
      at: Date.UTC(2026, 10, 22, 1, 22, 43, 250),
      who: "backup",
      text: "x: y",
    });
  });
  test("a line without a time belongs to the one before", () => {
    expect(parseLog("Nov 22 01:22:43 a: b\n  more\n", "backup", reference).map(({ at, text }) => [at, text])).toEqual([
      [Date.UTC(2026, 10, 22, 1, 22, 43), "a: b"],
      [Date.UTC(2026, 10, 22, 1, 22, 43), "  more"],
    ]);
  });
});

test("a timeline is aligned, a line an event", () => {
  expect(describeTimeline([{ at: Date.UTC(2026, 0, 1, 10, 0, 0, 5), who: "lab", text: "cable cut" }])).toBe(
    "10:00:00.005  lab        cable cut\n",
  );
});

test("what a node repeats is one line with a count, whatever others log in between", () => {
  const at = Date.UTC(2026, 0, 1);
  const text = describeTimeline(["primary", "backup", "primary", "primary"].map((who) => ({ at, who, text: "again" })));
  expect(text).toBe("00:00:00.000  primary    again  (3 times)\n00:00:00.000  backup     again\n");
});

test("of very many lines the first and the last are shown", () => {
  const lines = describeTimeline(
    Array.from({ length: 1000 }, (_, index) => ({ at: 0, who: "lab", text: `step ${index}` })),
  ).split("\n");
  expect(lines.length).toBe(402);
  expect(lines[100]).toBe("… 600 lines left out …");
  expect(lines[400]).toEndWith("step 999");
});
