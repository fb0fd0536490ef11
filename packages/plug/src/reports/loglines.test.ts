/** Log lines and OpenVPN's database as written by other programs, and the records to be sent for them (recorded: loglines.json). */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fakeHost } from "@nethsec/host/testing/fake-host";
import { changeDatabase } from "@nethsec/host/testing/sqlite-file";
import { readLogEvents, type LogEvents } from "./log-events.ts";
import { pushConnections } from "./vpn-connections.ts";

interface Recorded {
  readonly setting: { readonly now: string };
  readonly lines: readonly { readonly dump: string; readonly line: string; readonly expect: object | null }[];
  readonly counts: Readonly<Record<string, { readonly lines: number; readonly records: number }>>;
  readonly openvpn_connections: {
    readonly now: number;
    readonly fixture: Readonly<Record<string, readonly Readonly<Record<string, string | number | null>>[]>>;
    readonly expect: {
      readonly must: readonly object[];
      readonly should: readonly object[];
      readonly must_not: readonly object[];
    };
  };
}
const recorded: Recorded = JSON.parse(
  readFileSync(join(import.meta.dir, "../../../../test-data/contracts/loglines.json"), "utf8"),
);
/** The lines' time zone. */
process.env["TZ"] = "UTC";
const now = Date.parse(recorded.setting.now);
const byDump = ({ malware, attacks, wans }: LogEvents): Readonly<Record<string, readonly object[]>> => ({
  "dump-ts-malware": malware,
  "dump-ts-attacks": attacks,
  "dump-mwan-events": wans,
});

test.each(recorded.lines.map((each) => [each.line, each] as const))("%s", (line, { dump, expect: record }) => {
  const events = byDump(readLogEvents([line], now));
  const all = Object.entries(events).flatMap(([name, found]) => found.map((event) => ({ name, event })));
  expect(all).toEqual(record === null ? [] : [{ name: dump, event: record }]);
});

test("the counts of records, all lines read together", () => {
  const events = byDump(
    readLogEvents(
      recorded.lines.map(({ line }) => line),
      now,
    ),
  );
  for (const [dump, { records }] of Object.entries(recorded.counts)) expect(events[dump]).toHaveLength(records);
});

test("a line that would lie in the future is of last year; a text of a stranger's is no event", () => {
  const events = readLogEvents(
    [
      "Dec 31 23:59:58 fw mwan3track[1]: Interface wan2 (eth2) is offline",
      "Jan 15 12:00:00 fw sshd[1]: user kernel: banIP/inp-wan/drop/xv4: SRC=198.51.100.1 DST=192.0.2.1 failed",
      "Jan 15 12:00:00 fw dropbear[1]: banIP-1[1]: add IP '192.0.2.7'",
    ],
    now,
  );
  expect(events.wans.map(({ timestamp }) => timestamp)).toEqual([Date.UTC(2025, 11, 31, 23, 59, 58) / 1000]);
  expect([events.malware, events.attacks]).toEqual([[], []]);
});

test.each(["/var/openvpn", "/mnt/data/openvpn"])(
  "OpenVPN connections in %s: begun, running, ended; a database that cannot be read costs only its own",
  async (folder) => {
    const { fixture, now: seconds, expect: expected } = recorded.openvpn_connections;
    using host = fakeHost({
      now: seconds * 1000,
      files: {
        "/etc/config/fstab": "config mount 'ns_data'\n\toption target '/mnt/data'\n",
        [`${folder}/ns_broken/connections.db`]: "this is no database",
      },
    });
    for (const [path, rows] of Object.entries(fixture)) {
      const file = path.replace("/var/openvpn", folder);
      host.files.mkdir(file.replace(/\/[^/]+$/, ""));
      const value = (text: string | number | null): string =>
        text === null ? "NULL" : typeof text === "string" ? `'${text}'` : String(text);
      changeDatabase(host.files.real(file), [
        "CREATE TABLE connections (common_name TEXT, virtual_ip_addr TEXT, remote_ip_addr TEXT, start_time INTEGER, duration INTEGER, bytes_received INTEGER, bytes_sent INTEGER)",
        ...rows.map((row) => `INSERT INTO connections VALUES (${Object.values(row).map(value).join(", ")})`),
      ]);
    }
    const told: object[] = [];
    const delivery = {
      rows: async (_: string, rows: readonly unknown[]) => void told.push(...rows.map((row) => Object(row))),
      all: () => Promise.reject(new Error("not for connections")),
    };
    await pushConnections(host, delivery);
    const wanted = [...expected.must, ...expected.should];
    expect(told.toSorted(byName)).toEqual(wanted.toSorted(byName));
    for (const never of expected.must_not) expect(told).not.toContainEqual(never);
    told.length = 0;
    await pushConnections(host, delivery);
    expect(told).toEqual([]);
    const [path = ""] = Object.keys(fixture);
    changeDatabase(host.files.real(path.replace("/var/openvpn", folder)), [
      "UPDATE connections SET duration = 700, bytes_received = 7, bytes_sent = 8 WHERE common_name = 'user2'",
      "INSERT INTO connections VALUES ('user2', '203.0.113.11', '198.51.100.31', 1768478400, 800, 1, 1)",
    ]);
    await pushConnections(host, delivery);
    // A user's second connection in the same second gets a different key.
    expect(told).toMatchObject([
      { common_name: "user2", timestamp: 1768478400, start_time: 1768478400, duration: 700, bytes_sent: 8 },
      { common_name: "user2", timestamp: 1768478401, start_time: 1768478400, duration: 800 },
    ]);
  },
);

const byName = (a: object, b: object): number => JSON.stringify(a).localeCompare(JSON.stringify(b));
