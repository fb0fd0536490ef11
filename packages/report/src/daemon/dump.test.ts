/** Dumps to a disk that other programs write to as well and that can fill up. */
import { afterEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localClock } from "@nethsec/host/local/local-clock";
import { localFiles } from "@nethsec/host/files/local-files";
import type { Clock, Files } from "@nethsec/host/host";
import { summarise } from "../query/summary.ts";
import { cellOf, emptyClient } from "../store/hour-counters.ts";
import { dayOf, hourKey, hourKeyAt, type HourKey } from "../store/hour-key.ts";
import { dayPath, hourPath, writeHour } from "../store/hour-store.ts";
import { readDay } from "../store/read-day.ts";
import { Accounting } from "./accounting.ts";
import { Dump } from "./dump.ts";
import { withHash } from "./flow-event.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";

const base = "/reports";
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface Writer {
  readonly files: Files;
  readonly said: string[];
  readonly root: string;
  add(key: HourKey, client: string, bytes: number): void;
  write(): Promise<void>;
  /** Bytes of a client on a day, as readers see them. */
  seen(key: HourKey, client: string): number;
}

function writer(clock: Clock, dayBytes = Number.POSITIVE_INFINITY): Writer {
  const root = mkdtempSync(join(tmpdir(), "dump-"));
  folders.push(root);
  const files = localFiles(root);
  const said: string[] = [];
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, clock.now());
  const dump = new Dump({
    files,
    base,
    clock,
    ledger,
    accounting,
    interfaces: new InterfaceNumbers(),
    staleSeconds: 3600,
    dayBytes: () => dayBytes,
    warn: (text) => said.push(text),
  });
  return {
    files,
    said,
    root,
    add: (key, client, bytes) => {
      ledger.add(key, withHash({ client, protocol: "dns", application: "netify.dns", host: undefined }), bytes, 0, 0);
    },
    write: () => dump.write(false),
    seen: (key, client) =>
      summarise(readDay(files, base, dayOf(key))).clients.find(({ id }) => id === client)?.bytes ?? 0,
  };
}

function hourOf(bytes: number): ReturnType<typeof emptyClient> {
  const client = emptyClient();
  client.total = bytes;
  for (const section of ["protocol", "application"] as const) cellOf(client[section], "x").bytes = bytes;
  return client;
}

test("hour files that others write meanwhile are read, whatever the daemon's next indexes say", async () => {
  const now = hourKeyAt(Date.now());
  const earlier = hourKey(dayOf(now), now % 100 === 0 ? 1 : 0);
  const made = writer(localClock);
  made.add(now, "192.168.1.1", 100);
  await made.write();
  // Restored from a backup with the original modification times: a file of an hour that is over, and one of the current hour.
  const aside = join(made.root, "aside");
  const backup = localFiles(made.root);
  writeHour(backup, "/aside", earlier, "192.168.1.2", hourOf(2000));
  writeHour(backup, "/aside", now, "192.168.1.3", hourOf(3000));
  for (const client of ["192.168.1.2", "192.168.1.3"])
    cpSync(join(made.root, dayPath("/aside", dayOf(now)), client), join(made.root, dayPath(base, dayOf(now)), client), {
      recursive: true,
      preserveTimestamps: true,
    });
  rmSync(aside, { recursive: true });
  for (let round = 0; round < 2; round++) {
    made.add(now, "192.168.1.1", 50);
    await made.write();
    expect(["192.168.1.1", "192.168.1.2", "192.168.1.3"].map((client) => made.seen(now, client))).toEqual([
      150 + round * 50,
      2000,
      3000,
    ]);
  }
  // The daemon took over the restored client: new traffic is added to its counters.
  made.add(now, "192.168.1.3", 7);
  await made.write();
  expect(made.seen(now, "192.168.1.3")).toBe(3007);
});

test("of an hour that the daemon counts its own figures of a client stand", async () => {
  const now = hourKeyAt(Date.now());
  const made = writer(localClock);
  made.add(now, "192.168.1.1", 100);
  await made.write();
  writeHour(made.files, base, now, "192.168.1.1", hourOf(5));
  made.add(now, "192.168.1.2", 1);
  await made.write();
  expect(made.seen(now, "192.168.1.1")).toBe(100);
  expect(made.files.readText(hourPath(base, now, "192.168.1.1"))).toContain('"total":100');
});

test("a flood of invented clients stays within the day's share; who has traffic stays, and no byte is lost", async () => {
  const limit = 1.5 * 1024 * 1024;
  const start = new Date(2026, 5, 10, 0, 10).getTime();
  let at = start;
  const made = writer({ ...localClock, now: () => at }, limit);
  const real = Array.from({ length: 10 }, (_, index) => `192.168.1.${index + 1}`);
  let told = 0;
  const tell = (key: HourKey, client: string, bytes: number): void => {
    made.add(key, client, bytes);
    told += bytes;
  };
  const hours = 6;
  for (let hour = 0; hour < hours; hour++) {
    at = start + hour * 3_600_000;
    const key = hourKeyAt(at);
    for (let round = 0; round < 2; round++) {
      for (const client of real) tell(key, client, 1_000_000);
      for (let index = 0; index < 150; index++) tell(key, `10.${hour}.${index >> 8}.${index & 255}`, 60 + index);
      await made.write();
    }
  }
  const day = dayPath(base, dayOf(hourKeyAt(start)));
  const files = [...new Bun.Glob("**/*").scanSync({ cwd: join(made.root, day), dot: true })];
  const onDisk = files.reduce(
    (sum, name) => sum + Math.ceil((made.files.stat(`${day}/${name}`)?.size ?? 0) / 4096) * 4096,
    0,
  );
  expect(onDisk).toBeLessThan(limit);
  // Some of the forged clients fit: the hour's share is used, not cut to nothing.
  expect(files.length).toBeGreaterThan(hours * (real.length + 5));
  const summary = summarise(readDay(made.files, base, dayOf(hourKeyAt(start))));
  const bytes = new Map(summary.clients.map(({ id, bytes: sum }) => [id, sum]));
  expect(real.map((client) => bytes.get(client))).toEqual(real.map(() => hours * 2_000_000));
  expect(summary.total + summary.unattributed).toBe(told);
  expect(made.said.join("\n")).toContain("ns-report.config.max_day_percent");
});
