/**
 * Reports of units in a real PostgreSQL with the controller's tables, queried as the controller's pages do: each recorded query on the recorded
 * dumps, then on reports pushed by the executable from a firewall with the same events.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { paced } from "@nethsec/host/testing/pace";
import { changeDatabase } from "@nethsec/host/testing/sqlite-file";
import { handle } from "../services/controller/api.ts";
import type { Controller } from "../services/controller/controller.ts";
import { memoryState } from "../services/controller/controller-state.ts";
import { MemoryReports, type Row } from "../services/controller/memory-reports.ts";
import { RateLimit } from "../services/controller/rate-limit.ts";
import { fill, ids, readExchanges, requestOf } from "../services/controller/recording.ts";
import { tables } from "../services/controller/tables.ts";
import { Fleet, type JoinCode } from "../src/fleet.ts";
import { Lab } from "../src/lab.ts";
import { nameOf, panelQuery, queriedPanels, readDashboards, reportTables, viewStatements } from "./dashboards.ts";
import { Postgres, PostgresReports } from "./postgres.ts";

setDefaultTimeout(paced(180_000));

const dashboards = readDashboards();
const hourMs = 3_600_000;
/** Start of the last full hour. */
const hour = Math.floor(Date.now() / hourMs) * hourMs - hourMs;
const half = hour / 1000 + 1800;
const inHour = (minutes: number): string => new Date(hour + minutes * 60_000).toISOString().replace(".000Z", "+00:00");
const wholeTime = ["2000-01-01T00:00:00Z", "2100-01-01T00:00:00Z"] as const;

let postgres: Postgres;
let reports: PostgresReports;
let nowMs = 1_795_000_000_000;
const state = memoryState({});
const secrets = { token: state.read().token, adminToken: state.read().adminToken };
const units = new Set<string>();

/** API of the fake controller, which stores reports in `store`. */
const controllerOn = (store: Controller["reports"]): Controller => ({
  state,
  authority: {
    has: (id) => units.has(id),
    issue: () => undefined,
    revoke: () => undefined,
    disconnect: () => undefined,
    material: () => ({ ca: "", cert: "", key: "" }),
  },
  reports: store,
  limit: new RateLimit(),
  accepted: () => undefined,
  askUnit: async () => undefined,
  now: () => (nowMs += 1000),
  nextAddress: () => "172.21.0.2",
});

const push = async (unit: string, dump: string, body: unknown): Promise<void> => {
  const response = await handle(controllerOn(reports), {
    method: "POST",
    path: `/ingest/${dump}`,
    headers: { authorization: `Basic ${Buffer.from(`${unit}:${secrets.token}`).toString("base64")}` },
    body: Buffer.from(JSON.stringify(body)),
    address: "198.51.100.1",
  });
  expect([dump, response.status]).toEqual([dump, 200]);
};

const knowUnit = async (id: string, name: string): Promise<void> => {
  units.add(id);
  state.update((before) => ({
    ...before,
    units: [...before.units.filter((unit) => unit.id !== id), { id, name, info: null, vpnAddress: null }],
  }));
  await postgres.sql.unsafe("TRUNCATE units");
  await postgres.sql.unsafe("INSERT INTO units (uuid, name) VALUES ($1::text::uuid, $2::text)", [id, name]);
};

beforeAll(async () => {
  postgres = await Postgres.start();
  reports = new PostgresReports(postgres);
  await reports.create();
  for (const statement of viewStatements(dashboards)) await postgres.sql.unsafe(statement);
});
afterAll(() => postgres?.[Symbol.asyncDispose]());

/** The recorded rows, moved to the hour of this run; `unit`: replaces the recorded unit id. */
function expectedRows(rows: readonly Row[], unit: string, dpiMinutes = 30): readonly Row[] {
  const text = JSON.stringify(rows)
    .replaceAll("2026-11-27T21:00:00+00:00", inHour(0))
    .replaceAll("2026-11-27T21:30:00+00:00", inHour(dpiMinutes))
    .replaceAll("2026-11-27T21:31:00+00:00", inHour(31))
    .replaceAll("<UNIT2>", unit);
  const filled: Row[] = JSON.parse(text);
  // Drop the recording's other unit, which had pushed nothing.
  return filled.filter((row) => row["__value"] !== "<UNIT>").map(withoutRequestTime);
}

const withoutRequestTime = (row: Row): Row =>
  "last_update_time" in row ? { ...row, last_update_time: "<time of the request>" } : row;

async function panelRows(panel: ReturnType<typeof queriedPanels>[number], unit: string): Promise<readonly Row[]> {
  const [query, values] = panelQuery(panel, { ...dashboards.pushed.variables, uuid: unit }, wholeTime);
  return (await postgres.rows(query, values)).map(withoutRequestTime);
}

describe("the imitation's tables", () => {
  const exchanges = readExchanges().filter(({ request }) => request.path.startsWith("/api/ingest/dump-"));

  test("PostgreSQL takes, refuses and keeps what was recorded, and what the imitation in memory does", async () => {
    const memory = new MemoryReports();
    await knowUnit(ids.unit, "fw.example.org");
    const differences: unknown[] = [];
    let compared = 0;
    for (const exchange of exchanges) {
      if (/row in units missing|removed by the administrator/.test(exchange.given)) continue;
      if (exchange.given.endsWith("tables empty")) {
        memory.clear();
        await reports.clear();
      }
      const request = requestOf(exchange, secrets);
      const answers = [await handle(controllerOn(memory), request), await handle(controllerOn(reports), request)];
      const bodies = await Promise.all(answers.map((answer) => answer.json()));
      expect([exchange.name, bodies[1]]).toEqual([exchange.name, fill(exchange.response.body, secrets)]);
      for (const { name } of Object.values(tables)) {
        const timeless = (rows: readonly Row[]): string[] =>
          rows
            .map((row) =>
              JSON.stringify(Object.entries({ ...row, created_at: "" }).toSorted(([a], [b]) => a.localeCompare(b))),
            )
            .toSorted((a, b) => a.localeCompare(b));
        const [ours, theirs] = [timeless(memory.rows(name)), timeless(await postgres.rows(`SELECT * FROM ${name}`))];
        if (JSON.stringify(ours) !== JSON.stringify(theirs)) differences.push([exchange.name, name, ours, theirs]);
      }
      compared += 1;
    }
    expect(differences).toEqual([]);
    expect(compared).toBeGreaterThan(100);
  });
});

describe("the recorded dumps", () => {
  beforeAll(async () => {
    await reports.clear();
    await knowUnit(ids.unit2, "fw2.example.org");
    const dumps: Record<string, unknown> = JSON.parse(
      JSON.stringify(dashboards.pushed.dumps).replaceAll('"<t>"', String(half)),
    );
    for (const [dump, body] of Object.entries(dumps)) await push(ids.unit2, dump, body);
  });

  test.each(queriedPanels(dashboards).map((panel) => [nameOf(panel), panel] as const))("%s", async (_, panel) => {
    expect(await panelRows(panel, ids.unit2)).toEqual([...expectedRows(panel.observed_result ?? [], ids.unit2)]);
  });
});

describe("what the executable pushes", () => {
  let lab: Lab;
  let fleet: Fleet;
  let join: JoinCode;
  /** Bodies that the lab's controller accepted, in order. */
  let pushed: { dump: string; body: { data?: object[] } }[] = [];

  const taken = async (): Promise<typeof pushed> =>
    (await lab.sh("controller", "cat /var/log/lab-ingested.jsonl"))
      .split("\n")
      .map((line): (typeof pushed)[number] => JSON.parse(line));

  beforeAll(async () => {
    lab = await Lab.up({ name: `plugp${process.pid}` });
    fleet = new Fleet(lab);
    join = await fleet.addUnit("fw1");
    await fleet.controller("approve", "fw1");
    await fleet.join("primary", join);
    await fleet.untilConnected("primary");
    await happen(lab);
    // Fakes mwan3's ubus answer, which the lab's mwan3 does not provide.
    await lab.sh(
      "primary",
      'mv /usr/bin/ubus /usr/bin/ubus.lab; printf \'#!/bin/sh\\n[ "$*" != "call mwan3 status" ] || { echo "{\\"interfaces\\":{\\"wan\\":{\\"status\\":\\"online\\"}}}"; exit 0; }\\nexec /usr/bin/ubus.lab "$@"\\n\' >/usr/bin/ubus; chmod +x /usr/bin/ubus',
    );
    for (let times = 0; times < 2; times += 1) await lab.exec("primary", ["ns-push-reports"]);
    pushed = await taken();
    await reports.clear();
    await knowUnit(join.unit_id, "fw2.example.org");
    for (const { dump, body } of pushed) if (dump !== "info") await push(join.unit_id, dump, body);
  });
  afterAll(() => lab?.down());

  test("every row that was pushed is in PostgreSQL", async () => {
    const table: string[] = [];
    for (const [dump, { name, key }] of Object.entries(tables)) {
      const bodies = pushed.filter((each) => each.dump === dump).map(({ body }) => body.data ?? []);
      const rows = key.length === 0 ? (bodies.at(-1) ?? []) : bodies.flat();
      const keys = new Set(
        rows.map((row) => JSON.stringify(key.length === 0 ? row : key.map((member) => Object(row)[member] ?? ""))),
      );
      const stored = await postgres.rows(`SELECT * FROM ${name}`);
      table.push(`${name} | ${keys.size} | ${stored.length}`);
      expect([name, stored.length]).toEqual([name, keys.size]);
    }
    console.log(["", "table | rows pushed | rows in PostgreSQL", ...table, ""].join("\n"));
    expect(reportTables).toHaveLength(table.length);
  });

  test.each(queriedPanels(dashboards).map((panel) => [nameOf(panel), panel] as const))("%s", async (_, panel) => {
    // Traffic rows have the start of their hour as time.
    const dpiMinutes = panel.table === "dpi_stats" ? 0 : 30;
    expect(await panelRows(panel, join.unit_id)).toEqual([
      ...expectedRows(panel.observed_result ?? [], join.unit_id, dpiMinutes),
    ]);
  });

  test("the facts of the unit are stored, with the types that the controller wants", async () => {
    await lab.exec("primary", ["ns-controller-push-info"]);
    const { units } = JSON.parse(await fleet.controller("list"));
    expect(units[0].info).toMatchObject({ unit_name: "fw2.example.org", scheduled_update: -1, version_update: "" });
    expect(typeof units[0].info.ssh_port).toBe("number");
  });

  test("many things in one second and a row that no database takes: all the others are in PostgreSQL", async () => {
    const count = async (name: string): Promise<number> => (await postgres.rows(`SELECT uuid FROM ${name}`)).length;
    const before = new Map<string, number>();
    for (const name of reportTables) before.set(name, await count(name));
    const expected = await muchHappens(lab);
    for (let times = 0; times < 2; times += 1) await lab.exec("primary", ["ns-push-reports"]);
    const bodies = (await taken()).slice(pushed.length);
    for (const { dump, body } of bodies) if (dump !== "info") await push(join.unit_id, dump, body);
    const table: string[] = [];
    for (const [name, rows] of Object.entries(expected)) {
      const more = (await count(name)) - (before.get(name) ?? 0);
      table.push(`${name} | ${rows} | ${more}`);
      expect([name, more]).toEqual([name, rows]);
    }
    console.log(["", "table | rows that happened | rows in PostgreSQL", ...table, ""].join("\n"));
    const named = "grep -c 'will never take this row.*bad.u0000name.example' /var/log/messages";
    expect(await lab.sh("primary", named)).toBe("1");
    expect(await lab.sh("primary", "ns-plug metrics | grep rows_refused_total")).toContain('{dump="dump-dpi-stats"} 1');
  });
});

/** Creates many events in one second on the firewall, and a host name that no database accepts. Returns the expected rows by table. */
async function muchHappens(lab: Lab): Promise<Readonly<Record<string, number>>> {
  const wans = Array.from({ length: 10 }, (_, n) => `fw mwan3track[11191]: Interface wan${n} (eth${n}) is offline`);
  const blocked = Array.from(
    { length: 50 },
    (_, n) => `fw banIP-1.0.1-3[4711]: add IP '203.0.113.${n}' (expiry: 1h) to blocklistv4 set`,
  );
  const packets = Array.from(
    { length: 40 },
    (_, n) =>
      `fw kernel: [ 1.5] banIP/inp-wan/drop/examplelistv4: IN=eth5 OUT= SRC=198.51.100.${n} DST=203.0.113.82 LEN=44`,
  );
  const append = `{ while read -r line; do echo "$(date -d @${half + 900} '+%b %e %H:%M:%S') $line"; done; } >>/var/log/messages`;
  await lab.sh("primary", append, { stdin: `${[...wans, ...blocked, ...packets].join("\n")}\n` });
  const hosts = Array.from({ length: 300 }, (_, n) => [n === 123 ? "bad\0name.example" : `h${n}.example`, 1000 + n]);
  await lab.sh(
    "primary",
    "dir=/var/run/dpireport-test/$(date +%Y/%m/%d)/10.9.9.9; mkdir -p $dir; cat >$dir/$(date +%H).json",
    { stdin: JSON.stringify({ total: 1, protocol: {}, application: {}, host: Object.fromEntries(hosts) }) },
  );
  await connections(
    lab,
    Array.from(
      { length: 25 },
      (_, n) => `('user${n}', '10.9.9.${n}', '198.51.100.7', ${half + 900}, ${100 + n}, 1, 2)`,
    ),
  );
  return { mwan_events: 10, ts_attacks: 50, ts_malware: 40, dpi_stats: 299, ovpnrw_connections: 25 };
}

/** Writes the database of OpenVPN's scripts: the row of the recorded dumps, and `more`. */
async function connections(lab: Lab, more: readonly string[]): Promise<void> {
  const folder = mkdtempSync(joinPath(tmpdir(), "nethsec-connections-"));
  const path = joinPath(folder, "connections.db");
  changeDatabase(path, [
    "CREATE TABLE connections (common_name TEXT, virtual_ip_addr TEXT, remote_ip_addr TEXT, start_time INTEGER, duration INTEGER, bytes_received INTEGER, bytes_sent INTEGER)",
    `INSERT INTO connections VALUES ${[`('user1', '10.9.9.2', '198.51.100.7', ${half}, 60, 1000, 2000)`, ...more].join(", ")}`,
  ]);
  await lab.sh("primary", "mkdir -p /var/openvpn/ns_roadwarrior1; cat >/var/openvpn/ns_roadwarrior1/connections.db", {
    stdin: readFileSync(path),
  });
  rmSync(folder, { recursive: true });
}

/** Reproduces the events of the recorded dumps on the firewall. */
async function happen(lab: Lab): Promise<void> {
  await connections(lab, []);
  const lines = [
    "fw mwan3track[11191]: Interface eth1 (wan) is offline",
    "fw banIP-1.0.1-3[4711]: add IP '198.51.100.3' (expiry: -) to blocklistv4 set",
    "fw kernel: [ 1.5] banIP/inp-wan/drop/nethesislvl3v4: IN=eth5 OUT= SRC=198.51.100.156 DST=203.0.113.82 LEN=44",
  ];
  await lab.sh(
    "primary",
    `{ while read -r line; do echo "$(date -d @${half} '+%b %e %H:%M:%S') $line"; done; } >>/var/log/messages`,
    {
      stdin: `${lines.join("\n")}\n`,
    },
  );
  const traffic = {
    total: 100,
    protocol: { HTTP: 100 },
    host: { "example.org": 60 },
    application: { "netify.facebook": 100 },
  };
  // Use a separate folder: the lab's daemon keeps writing to its own.
  await lab.sh(
    "primary",
    `dir=/var/run/dpireport-test/$(date -d @${half} +%Y/%m/%d)/192.168.1.5; mkdir -p $dir; cat >$dir/$(date -d @${half} +%H).json`,
    { stdin: JSON.stringify(traffic) },
  );
  await lab.sh(
    "primary",
    "uci -q delete openvpn; uci set openvpn.ns_roadwarrior1=openvpn; uci set openvpn.ns_roadwarrior1.ns_description=Staff; uci set openvpn.ns_roadwarrior1.dev=tunrw1; " +
      "uci set openvpn.ns_roadwarrior1.ns_auth_mode=username; uci set openvpn.ns_tunc=openvpn; uci set openvpn.ns_tunc.ns_name=Branch; uci set openvpn.ns_tunc.dev=tunc; " +
      "uci set openvpn.ns_tunc.client=1; uci commit openvpn; " +
      "uci delete firewall.ns_wan.network; uci add_list firewall.ns_wan.network=wan; uci commit firewall; uci set network.wan.device=eth1; uci commit network; " +
      "uci set dhcp.pc5=host; uci set dhcp.pc5.name=pc5.lan; uci set dhcp.pc5.ip=192.168.1.5; uci commit dhcp; uci set ns-plug.config.unit_name=fw2.example.org; uci commit ns-plug; " +
      "uci set ns-report.config.dump_path=/var/run/dpireport-test; uci commit ns-report",
  );
}
