import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fakeCall } from "@nethsec/host/testing/fake-call";
import { fakeHost, type FakeHost } from "@nethsec/host/testing/fake-host";
import { writeSampleDay } from "../../test/sample-reports.ts";
import type { Day } from "../store/hour-key.ts";
import { run } from "./dpireport-cleanup.ts";
import { parsePercent, parseSize } from "./parse-size.ts";
import { daysToRemove } from "./retention.ts";

const base = "/var/run/dpireport";
const now = new Date(2026, 10, 22, 3, 0).getTime();

/** Runs the command; returns what it printed. */
function cleanup(host: FakeHost, options: Record<string, string> = {}, json = false): string {
  const { call, output } = fakeCall(host, { options, json });
  expect(run(call)).toBe(0);
  expect(output.err).toBe("");
  return output.out;
}

function withDays(...days: string[]): FakeHost {
  const host = fakeHost({ now });
  for (const day of days) host.files.write(`${base}/${day}/192.168.1.2/10.json`, "x".repeat(90_000));
  host.setFileSystem({ size: 20_000_000, free: 1, device: 1 });
  return host;
}

describe("dpireport-cleanup", () => {
  test("keeps 1% of the file system, removing the oldest days, with empty months and years", () => {
    using host = withDays("2025/12/31", "2026/11/20", "2026/11/21", "2026/11/22");
    expect(cleanup(host)).toStartWith(
      "Removed 2025-12-31: 96 KiB\nRemoved 2026-11-20: 96 KiB\nRemoved 2026-11-21: 96 KiB\n",
    );
    expect(host.files.list(base)).toEqual(["2026"]);
    expect(host.files.list(`${base}/2026/11`)).toEqual(["22"]);
    expect(host.logged.join()).toContain("2025-12-31");
  });

  test("removes no more than it must, and nothing when all fits", () => {
    using host = withDays("2026/11/20", "2026/11/21", "2026/11/22");
    expect(cleanup(host, { "max-size": "250K" })).toContain("Removed 2026-11-20");
    expect(host.files.list(`${base}/2026/11`)).toEqual(["21", "22"]);
    expect(cleanup(host, { "max-percent": "50" })).toContain("Nothing to remove");
    expect(host.files.list(`${base}/2026/11`)).toEqual(["21", "22"]);
  });

  test("never removes today, and says that it is too large", () => {
    using host = withDays("2026/11/22");
    expect(cleanup(host, { "max-size": "1K" })).toContain("Only days before today are removed");
    expect(host.files.list(`${base}/2026/11`)).toEqual(["22"]);
  });

  test("leaves alone what is no day of reports: other names, other content, links", () => {
    using host = withDays("2026/11/20");
    host.files.write("/home/2020/01/01/10.0.0.1/00.json", "x");
    host.files.symlink("/home/2020", `${base}/2020`);
    host.files.write(`${base}/2026/11/19/thesis.txt`, "x".repeat(500_000));
    host.files.write(`${base}/backup/2026/11/01/10.0.0.1/00.json`, "x".repeat(500_000));
    host.files.write(`${base}/2026/99/01/10.0.0.1/00.json`, "x");
    cleanup(host, { "max-size": "1" });
    expect(host.files.exists("/home/2020/01/01/10.0.0.1/00.json")).toBe(true);
    expect(host.files.exists(`${base}/2026/11/19/thesis.txt`)).toBe(true);
    expect(host.files.exists(`${base}/backup/2026/11/01/10.0.0.1/00.json`)).toBe(true);
    expect(host.files.exists(`${base}/2026/99/01/10.0.0.1/00.json`)).toBe(true);
    expect(host.files.exists(`${base}/2026/11/20`)).toBe(false);
  });

  test("tells programs the same as JSON", () => {
    using host = withDays("2026/11/20", "2026/11/22");
    const answer = JSON.parse(cleanup(host, { "max-size": "200K" }, true));
    expect(answer).toMatchObject({ path: base, limit: 204_800, removed: [{ day: "2026-11-20", bytes: 98_304 }] });
  });

  test("roll-ups outlive the hour files, up to half of the room and the configured age", () => {
    using host = fakeHost({ now });
    host.setFileSystem({ size: 2_000_000_000, free: 1, device: 1 });
    const november = (day: number): Day => ({ year: 2026, month: 11, day });
    for (const day of [18, 19, 20, 21]) writeSampleDay(host.files, base, november(day), { clients: 1, hours: 1 });
    writeSampleDay(host.files, base, { year: 2026, month: 9, day: 1 }, { clients: 1, hours: 1 });
    const rolled = (): string[] => host.files.list(`${base}/.rollups`);
    for (const name of ["2026-09", "2026-11", "notes"]) host.files.write(`${base}/.devices/${name}`, "");
    host.files.write("/etc/config/ns-report", "config report 'config'\n\toption keep_hour_files '2'\n");
    expect(cleanup(host)).toStartWith("Rolled up 2026-09-01\nRolled up 2026-11-18\n");
    expect(host.files.list(`${base}/2026/11`)).toEqual(["20", "21"]);
    expect(host.files.list(`${base}/.devices`)).toEqual(["2026-11", "notes"]);
    expect(rolled()).toHaveLength(7);
    host.files.write(
      "/etc/config/ns-report",
      "config report 'config'\n\toption keep_days '3'\n\toption keep_months '1'\n",
    );
    expect(cleanup(host)).toContain("Removed the roll-up of 2026-09: ");
    expect(rolled()).toEqual(["2026-11-19.day", "2026-11-20.day", "2026-11-21.day", "2026-11.month"]);
    // The roll-ups are more than half of it: the days go first, the month's sum stays.
    cleanup(host, { "max-size": "14K" });
    expect(rolled()).toEqual(["2026-11.month"]);
    host.files.write(`${base}/2026/11/21/192.168.1.1/00.json`, '{"total":1}');
    expect(cleanup(host)).not.toContain("Rolled up");
    host.files.write("/etc/config/ns-report", "config report 'config'\n\toption keep_days 'many'\n");
    expect(() => cleanup(host)).toThrow('ns-report.config.keep_days is "many"');
  });

  test("is content without any reports", () => {
    using host = fakeHost({ now });
    expect(cleanup(host)).toContain("nothing to do");
  });

  test("refuses what is no size or percentage", () => {
    for (const text of ["", "-1", "5X", "1e9", "0x10", "99999999999999999999"])
      expect(() => parseSize(text)).toThrow("is not a size");
    for (const text of ["", "0", "-1", "101", "abc"]) expect(() => parsePercent(text)).toThrow("is not a percentage");
    expect([parseSize("10"), parseSize("1k"), parseSize("2MiB"), parseSize("3G")]).toEqual([
      10,
      1024,
      2 * 1024 ** 2,
      3 * 1024 ** 3,
    ]);
    using host = withDays("2026/11/22");
    expect(() => cleanup(host, { "max-size": "1", "max-percent": "1" })).toThrow("exclude each other");
  });

  test("daysToRemove: what is left fits, or only today is left, and one day less would not fit", () => {
    const days = fc.array(fc.nat(1000), { maxLength: 20 }).map((sizes) =>
      sizes.map((bytes, index) => ({
        day: { year: 2026, month: 1 + Math.floor(index / 28), day: 1 + (index % 28) },
        bytes,
      })),
    );
    fc.assert(
      fc.property(days, fc.nat(5000), fc.nat(5000), fc.nat(28), (uses, other, limit, today) => {
        const removed = daysToRemove(uses, other, limit, { year: 2026, month: 1, day: today });
        const sum = (list: typeof uses): number => other + list.reduce((total, { bytes }) => total + bytes, 0);
        const left = uses.slice(removed.length);
        expect(uses.slice(0, removed.length)).toEqual(removed);
        expect(removed.every(({ day }) => day.day < today && day.month === 1)).toBe(true);
        const past = left.filter(({ day }) => day.month === 1 && day.day < today);
        expect(sum(left) <= limit || past.length === 0).toBe(true);
        if (removed.length > 0) expect(sum(uses.slice(removed.length - 1))).toBeGreaterThan(limit);
      }),
    );
  });
});
