import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { paced } from "@nethsec/host/testing/pace";
import * as v from "valibot";
import { runCommand } from "../../test/run-command.ts";
import { sampleClients, sampleNow, sampleSum, sampleToday, writeSampleYear } from "../../test/sample-year.ts";
import { addDays } from "../store/report-day.ts";
import { run as search } from "./search.ts";
import { run as summary } from "./summary.ts";
import { run as top } from "./top.ts";

setDefaultTimeout(paced(60_000));

const base = "/var/run/dpireport";
let host: FakeHost;
beforeAll(() => {
  host = fakeHost({
    now: sampleNow,
    files: { "/tmp/dhcp.leases": "1 aa:bb:cc:dd:ee:ff 192.168.1.10 annas-laptop *\n" },
  });
  const unnamed = Object.fromEntries(sampleClients.map((client) => [client, { name: null, until: 9e15 }]));
  host.files.write("/var/run/ns-report/names.json", JSON.stringify(unnamed));
  writeSampleYear(host.files, base);
  // The roll-ups outlive the hour files.
  host.files.remove(`${base}/2025`, { recursive: true });
  for (const month of ["01", "02", "03", "04", "05", "06"])
    host.files.remove(`${base}/2026/${month}`, { recursive: true });
});
afterAll(() => host[Symbol.dispose]());

const answer = v.looseObject({
  total: v.number(),
  recorded_days: v.number(),
  unit: v.string(),
  before: v.looseObject({ total: v.number() }),
  bars: v.array(v.looseObject({ from: v.string(), bytes: v.nullable(v.number()) })),
  clients: v.array(v.looseObject({ id: v.string(), bytes: v.number() })),
  hosts: v.optional(v.array(v.looseObject({ id: v.string(), bytes: v.number() }))),
  without_a_name: v.optional(v.number()),
});

async function ask(range: string, args: Record<string, string> = {}, options: Record<string, string> = {}) {
  const { out } = await runCommand(summary, host, { args: { range, ...args }, options, json: true });
  return v.parse(answer, JSON.parse(out));
}

/** Hour files alone have totals only. */
const notKnown = { download: null, upload: null };

const november = { from: { ...sampleToday, day: 1 }, to: sampleToday };

describe("any range", () => {
  test("a month: who used the line, with the month before", async () => {
    const { total, clients, before, unit, bars, hosts, without_a_name } = await ask("2026-11");
    expect(total).toBe(sampleSum(november.from, november.to));
    expect(clients).toEqual(
      [
        {
          id: "192.168.1.10",
          name: "annas-laptop",
          bytes: sampleSum(november.from, november.to, ["192.168.1.10"]),
          ...notKnown,
        },
        { id: "192.168.1.20", bytes: sampleSum(november.from, november.to, ["192.168.1.20"]), ...notKnown },
      ].sort((a, b) => b.bytes - a.bytes),
    );
    expect(before.total).toBe(sampleSum({ ...sampleToday, month: 10, day: 1 }, { ...sampleToday, month: 10, day: 31 }));
    expect([unit, bars.length]).toEqual(["day", 30]);
    // The future is a gap, not zero.
    expect(bars[29]).toEqual({ from: "2026-11-30", bytes: null });
    expect(hosts).toEqual([{ id: "www.example.com", bytes: total * 0.9, ...notKnown }]);
    expect(without_a_name).toBeCloseTo(total * 0.1, 5);
  });

  const ranges: [string, number, number][] = [
    ["last-7-days", 6, 0],
    ["last-30-days", 29, 0],
    ["last-365-days", 364, 0],
    ["this-week", 6, 0],
    ["last-week", 13, 7],
    ["this-month", 21, 0],
    ["last-month", 52, 22],
    ["this-cycle-15", 7, 0],
    ["last-cycle-15", 38, 8],
    ["2026-03-05..2026-04-02", 262, 234],
    ["2025-12-31", 326, 326],
  ];
  test.each(ranges)("%s is the sum of its days", async (range, first, last) => {
    const expected = sampleSum(addDays(sampleToday, -first), addDays(sampleToday, -last));
    expect((await ask(range)).total).toBe(expected);
  });

  test("days without the daemon are gaps, and are counted", async () => {
    const { bars, recorded_days } = await ask("2026-05");
    expect(bars.filter(({ bytes }) => bytes === null).map(({ from }) => from)).toEqual(
      Array.from({ length: 7 }, (_, index) => `2026-05-${String(index + 4).padStart(2, "0")}`),
    );
    expect(recorded_days).toBe(24);
    const { out } = await runCommand(summary, host, { args: { range: "2026-05" } });
    expect(out).toContain("24 of 31 days have a record");
    expect(out).toMatch(/2026-05-04 +—\n/);
  });

  test("narrowed by client and by name; one client over a year has weeks, a name months", async () => {
    const march = [
      { year: 2026, month: 3, day: 1 },
      { year: 2026, month: 3, day: 31 },
    ] as const;
    const one = await ask("2026-03", {}, { client: "192.168.1.20" });
    expect(one.total).toBe(sampleSum(...march, ["192.168.1.20"]));
    const visits = await ask("2026-03", {}, { host: "rare.example.org" });
    expect(visits.clients).toEqual([{ id: "192.168.1.20", bytes: 0.9 * (20_000 + 24_000), ...notKnown }]);
    expect(visits.bars.filter(({ bytes }) => bytes !== 0).map(({ from }) => from)).toEqual([
      "2026-03-10",
      "2026-03-12",
    ]);
    expect((await ask("last-365-days", { client: "192.168.1.10" })).unit).toBe("week");
    const months = await ask("last-365-days", {}, { application: "netify.youtube", client: "192.168.1.10" });
    expect(months.unit).toBe("month");
    expect(months.bars.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)).toBe(months.total);
  });

  test("on the terminal: title, comparison, gaps, lists with what has no name", async () => {
    const { out } = await runCommand(summary, host, { args: { range: "last-month" } });
    expect(out).toStartWith("October 2026\n");
    expect(out).toMatch(/more than before \(/);
    expect(out).toMatch(/\nwithout a name +.*10\.0%|\nwithout a name +.* 10%/);
    expect(out).toContain("annas-laptop");
  });

  test("a list of a range as CSV", async () => {
    const { out } = await runCommand(top, host, {
      args: { list: "clients", range: "2026-03" },
      options: { csv: true },
    });
    expect(out).toStartWith("client,name,bytes,percent,download,upload,device,addresses\r\n");
    expect(out.split("\r\n")).toHaveLength(4);
  });

  test("what is no range is refused, with those that are", async () => {
    for (const range of ["2026-13", "last-0-days", "this-cycle-29", "2026-02-30", "2026-11-02..2026-11-01", "1..2"])
      await expect(runCommand(summary, host, { args: { range } })).rejects.toThrow("is not a day and not a range");
    await expect(runCommand(summary, host, { args: { range: "2026-03" }, options: { hour: "9" } })).rejects.toThrow(
      "--hour goes with one day",
    );
  });
});

describe("search", () => {
  test("who visited a host, and when, in the whole history", async () => {
    const { out } = await runCommand(search, host, { args: { text: "RARE.example" }, json: true });
    expect(JSON.parse(out)).toEqual([
      {
        kind: "host",
        name: "rare.example.org",
        client: "192.168.1.20",
        client_name: "",
        first: "2026-03-10",
        last: "2026-03-12",
        days: 2,
        bytes: 39_600,
        ...notKnown,
        device: "",
      },
    ]);
  });

  test("today is searched too; nothing found says so", async () => {
    const { out } = await runCommand(search, host, { args: { text: "www.example" } });
    expect(out).toContain("2026-11-22");
    expect((await runCommand(search, host, { args: { text: "absent" } })).err).toContain('Nothing contains "absent"');
    await expect(runCommand(search, host, { args: { text: "a" } })).rejects.toThrow("too short");
  });
});
