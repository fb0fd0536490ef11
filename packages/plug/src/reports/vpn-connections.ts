/**
 * Connections of OpenVPN road warriors, from the database that OpenVPN's scripts keep per instance (recorded: test-data/contracts/loglines.json). A
 * connection is sent when it begins and again, with duration and counters, when it has ended.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { sqliteRows, type SqliteRow } from "@nethsec/host/local/sqlite-rows";
import { readCursors, writeCursors, type Cursors } from "./cursors.ts";
import type { Delivery } from "./delivery.ts";

const dump = "dump-ovpn-connections";
/** Maximum number of rows of one query. */
const rowsPerLook = 5000;
/** Seconds that a unit's first push goes back. */
const firstSeconds = 24 * 3600;

/**
 * The controller's key is time, instance and name: when a user connects twice in one second, the second connection gets the next second as its
 * `timestamp`. `start_time` is not changed.
 */
const columns = `rowid, common_name, virtual_ip_addr, remote_ip_addr, start_time, duration, bytes_received, bytes_sent,
  start_time + (SELECT count(*) FROM connections other WHERE other.common_name = connections.common_name
    AND other.start_time = connections.start_time AND other.rowid < connections.rowid) AS timestamp`;
const endedSql = `SELECT ${columns} FROM connections
  WHERE duration IS NOT NULL AND (start_time + duration > ?1 OR (start_time + duration = ?1 AND rowid > ?2))
  ORDER BY start_time + duration, rowid LIMIT ${rowsPerLook}`;
const runningSql = `SELECT ${columns} FROM connections
  WHERE duration IS NULL AND (start_time > ?1 OR (start_time = ?1 AND rowid > ?2))
  ORDER BY start_time, rowid LIMIT ${rowsPerLook}`;

type Needs = Pick<Host, "files" | "uci" | "log" | "clock">;

export async function pushConnections(host: Needs, delivery: Delivery): Promise<void> {
  const dir = databaseDir(host);
  for (const instance of host.files.list(dir)) {
    const path = `${dir}/${instance}/connections.db`;
    if (!host.files.exists(path)) continue;
    try {
      for (let more = true; more;) more = await pushRunning(host, instance, path, delivery);
      for (let more = true; more;) more = await pushEnded(host, instance, path, delivery);
    } catch (error) {
      if (!(error instanceof NethsecError) || error.code !== "database_unreadable") throw error;
      host.log("warning", error.message);
    }
  }
}

/** On added storage if it has an openvpn folder, which OpenVPN's scripts then use. */
function databaseDir({ uci, files }: Needs): string {
  const storage = uci.read("fstab").get("ns_data", "target");
  return storage !== undefined && storage !== "" && files.exists(`${storage}/openvpn`)
    ? `${storage}/openvpn`
    : "/var/openvpn";
}

type Cursor = NonNullable<Cursors["vpn"]>[string];

function cursorOf(host: Needs, instance: string): Cursor & { readonly began: NonNullable<Cursor["began"]> } {
  const first = Math.floor(host.clock.now() / 1000) - firstSeconds;
  const known = readCursors(host).vpn?.[instance] ?? { end: first, row: 0 };
  return { ...known, began: known.began ?? { start: first, row: 0 } };
}

function move(host: Needs, instance: string, change: Partial<Cursor>): void {
  const moved = { ...cursorOf(host, instance), ...change };
  const cursors = readCursors(host);
  writeCursors(host, { ...cursors, vpn: { ...cursors.vpn, [instance]: moved } });
}

async function pushRunning(host: Needs, instance: string, path: string, delivery: Delivery): Promise<boolean> {
  const { began } = cursorOf(host, instance);
  const rows = sqliteRows(host.files.real(path), runningSql, [began.start, began.row]);
  const last = rows.at(-1);
  if (last === undefined) return false;
  await delivery.rows(
    dump,
    rows.map((row) => connectionOf(instance, row)),
  );
  move(host, instance, { began: { start: number(last["start_time"]), row: number(last["rowid"]) } });
  return rows.length === rowsPerLook;
}

async function pushEnded(host: Needs, instance: string, path: string, delivery: Delivery): Promise<boolean> {
  const { end, row } = cursorOf(host, instance);
  const rows = sqliteRows(host.files.real(path), endedSql, [end, row]);
  const last = rows.at(-1);
  if (last === undefined) return false;
  await delivery.rows(
    dump,
    rows.map((each) => connectionOf(instance, each)),
  );
  move(host, instance, {
    end: number(last["start_time"]) + number(last["duration"]),
    row: number(last["rowid"]),
  });
  return rows.length === rowsPerLook;
}

const number = (value: SqliteRow[string] | undefined): number => {
  const known = Number(value ?? 0);
  return Number.isSafeInteger(known) ? known : 0;
};
const text = (value: SqliteRow[string] | undefined): string =>
  value === null || value === undefined || value instanceof Uint8Array ? "" : String(value);

/** A running connection has no duration and no counters yet. */
const connectionOf = (instance: string, row: SqliteRow): Readonly<Record<string, string | number>> => ({
  timestamp: number(row["timestamp"]),
  instance,
  common_name: text(row["common_name"]),
  virtual_ip_addr: text(row["virtual_ip_addr"]),
  remote_ip_addr: text(row["remote_ip_addr"]),
  start_time: number(row["start_time"]),
  duration: number(row["duration"]),
  bytes_received: number(row["bytes_received"]),
  bytes_sent: number(row["bytes_sent"]),
});
