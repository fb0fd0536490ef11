/** Reports of a version that kept only totals (test-data/store-before-directions): nothing is lost, and what follows has download and upload. */
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localClock } from "@nethsec/host/local/local-clock";
import { localFiles } from "@nethsec/host/files/local-files";
import type { Day } from "../store/hour-key.ts";
import { decodeCounters } from "../store/hour-index.ts";
import { eachRow } from "../store/day-counters.ts";
import { indexPath } from "../store/hour-tables.ts";
import { readDay } from "../store/read-day.ts";
import { readRange } from "../store/read-range.ts";
import { readRolledDay, readRolledMonth } from "../store/roll-up-files.ts";
import { rollUp } from "../store/roll-up.ts";
import { summariseRange } from "../query/range-summary.ts";
import { Accounting } from "./accounting.ts";
import { Dump } from "./dump.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

const zone = process.env["TZ"];
beforeAll(() => {
  process.env["TZ"] = "UTC";
});
afterAll(() => {
  if (zone === undefined) delete process.env["TZ"];
  else process.env["TZ"] = zone;
});

const data = new URL("../../test-data/store-before-directions/", import.meta.url).pathname;
const base = "/r";
const day = (number: number): Day => ({ year: 2026, month: 11, day: number });
const at = (number: number, hour: number, minute: number): number => Date.UTC(2026, 10, number, hour, minute);

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "old-store-"));
  cpSync(data, join(root, base), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A daemon of this version over the old files. */
function daemon(start: number) {
  let now = start;
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, start);
  const interfaces = new InterfaceNumbers();
  const reader = new StreamReader(accounting, interfaces.of);
  const dump = new Dump({
    files: localFiles(root),
    base,
    clock: { ...localClock, now: () => now },
    ledger,
    accounting,
    interfaces,
    dayBytes: () => Number.POSITIVE_INFINITY,
    staleSeconds: 3600,
    warn: (text) => expect(text).toBe(""),
  });
  accounting.setTime(start, 0);
  dump.restore();
  return {
    tell(time: number, type: string, digest: string, fields: object): void {
      now = time;
      accounting.setTime(now, now - start);
      const flow = { digest: digest.repeat(40), last_seen_at: now, ...fields };
      const line = JSON.stringify({ type, interface: "br-lan", internal: true, flow });
      reader.push(new TextEncoder().encode(`${line}\n`));
    },
    write: () => dump.write(false),
  };
}

function totals(number: number): readonly [bytes: number, download: number, upload: number, unattributed: number] {
  const counters = readDay(localFiles(root), base, day(number));
  const sum = (column: Float64Array): number => column.reduce((all, bytes) => all + bytes, 0);
  return [sum(counters.totals), sum(counters.download), sum(counters.upload), sum(counters.unattributed)];
}

test("hour indexes, roll-ups of days and of months are read; their download and upload are not known", () => {
  const files = localFiles(root);
  expect(decodeCounters(files.readBytes(indexPath(base, day(20), 9)) ?? new Uint8Array())?.clients).toMatchObject(
    new Map([
      ["192.168.1.10", { total: 1000, download: 0, upload: 0 }],
      ["192.168.1.20", { total: 500, download: 0, upload: 0 }],
    ]),
  );
  expect(totals(20)).toEqual([1500, 0, 0, 0]);
  expect(readRolledDay(files, base, day(21))).toMatchObject({ clients: ["192.168.1.10"], directions: undefined });
  expect(readRolledMonth(files, base, day(1), true)).toMatchObject({ present: 3 << 19, directions: undefined });
  const source = { files, base, day: (one: Day) => readDay(files, base, one) };
  const { total, download, upload } = summariseRange((range) => readRange(source, range), {
    from: day(1),
    to: day(30),
  });
  expect([total, download, upload]).toEqual([5500, 0, 0]);
});

test("the checkpoint is taken over: flows go on, bytes that waited find their client, the new ones have directions", async () => {
  const process = daemon(at(22, 9, 10));
  process.tell(at(22, 9, 11), "flow", "c", {
    first_seen_at: at(22, 9, 0),
    local_ip: "192.168.1.30",
    detected_protocol_name: "DNS",
    detected_application_name: "Unknown",
  });
  process.tell(at(22, 9, 12), "flow_stats", "a", { local_bytes: 300, other_bytes: 700, total_bytes: 6000 });
  await process.write();
  // 1,000 and 20 bytes of before, and 1,000 with directions.
  expect(totals(22)).toEqual([2020, 700, 300, 0]);
  const { host } = readDay(localFiles(root), base, day(22)).sections;
  expect([...eachRow(host)]).toMatchObject([{ bytes: 2000, download: 700, upload: 300 }]);
});

test("the month has what is known of each of its days", async () => {
  const process = daemon(at(22, 9, 10));
  process.tell(at(22, 9, 12), "flow_stats", "a", { local_bytes: 300, other_bytes: 700, total_bytes: 6000 });
  await process.write();
  const files = localFiles(root);
  expect(rollUp({ files, base, now: () => at(23, 4, 0) }).days).toContainEqual(day(22));
  const month = readRolledMonth(files, base, day(1), true);
  if (month === undefined) throw new Error("no month");
  const { total, download, upload, clients } = summariseRange(() => [month], { from: day(1), to: day(30) });
  expect([total, download, upload]).toEqual([6500, 700, 300]);
  expect(clients).toEqual([
    { id: "192.168.1.10", bytes: 6000, download: 700, upload: 300 },
    { id: "192.168.1.20", bytes: 500, download: 0, upload: 0 },
  ]);
});
