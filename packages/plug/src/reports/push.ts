/**
 * `ns-push-reports`: tells the controller what happened since the last time, each event once; what cannot be delivered now is delivered later.
 * Invariant: a cursor moves only after the controller has taken what lies before it.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { sqliteRows } from "@nethsec/host/local/sqlite-rows";
import { readPlugConfig } from "../config.ts";
import { collectLogEvents } from "./collect-log-events.ts";
import { unitConfig, vpnConfig, wanConfig } from "./config-dumps.ts";
import { readCursors, writeCursors, type Cursors } from "./cursors.ts";
import { dpiSteps, type DpiItem } from "./dpi-stats.ts";
import { batches, ingest } from "./ingest.ts";

const vpnDir = "/var/openvpn";
const defaultReportDir = "/var/run/dpireport";
/** Items of one request, and of one look at a connection database. */
const itemsPerRequest = 5000;

/** Tells everything; throws at the first trouble, with all cursors where they have come to. */
export async function pushReports(host: Host, signal: AbortSignal): Promise<void> {
  const { controller } = readPlugConfig(host.uci);
  const send = (dump: string, body: unknown): Promise<void> => ingest(host, controller, dump, body);
  // The contract's form and the one that controllers read (the name beside it) in one.
  const unit = unitConfig(host);
  await send("dump-nsplug-config", { ...unit, data: [unit] });
  await send("dump-ovpn-config", { data: vpnConfig(host) });
  await send("dump-wan-config", { data: await wanConfig(host) });
  await pushLogEvents(host, send);
  signal.throwIfAborted();
  await pushDpiStats(host, send, signal);
  await pushConnections(host, send);
}

type Send = (dump: string, body: unknown) => Promise<void>;

async function pushLogEvents(host: Host, send: Send): Promise<void> {
  await collectLogEvents(host);
  for (const dump of ["dump-ts-malware", "dump-ts-attacks", "dump-mwan-events"]) {
    const cursors = readCursors(host);
    for (const data of batches(cursors.pending?.[dump] ?? [])) await send(dump, { data });
    writeCursors(host, { ...cursors, pending: { ...cursors.pending, [dump]: [] } });
  }
}

async function pushDpiStats(host: Host, send: Send, signal: AbortSignal): Promise<void> {
  const base = host.uci.read("ns-report").get("config", "dump_path") || defaultReportDir;
  const names = leaseNames(host);
  let waiting: DpiItem[] = [];
  let cursor: Cursors["dpi"];
  const flush = async (): Promise<void> => {
    for (const data of batches(waiting)) await send("dump-dpi-stats", { data });
    waiting = [];
    if (cursor !== undefined) writeCursors(host, { ...readCursors(host), dpi: cursor });
  };
  for (const step of dpiSteps(host, base, readCursors(host).dpi, (address) => names.get(address) ?? address)) {
    signal.throwIfAborted();
    waiting.push(...step.items);
    cursor = step.cursor;
    if (waiting.length >= itemsPerRequest) await flush();
  }
  await flush();
}

/** Names that clients gave with their DHCP leases (dnsmasq's lease file: expiry, MAC, address, name, id). */
function leaseNames({ files, uci }: Pick<Host, "files" | "uci">): ReadonlyMap<string, string> {
  const path = uci.read("dhcp").ofType("dnsmasq")[0]?.get("leasefile") ?? "/tmp/dhcp.leases";
  const leases = (files.readText(path) ?? "").split("\n").map((line) => line.split(" "));
  return new Map(
    leases.flatMap(([, , address, name]) =>
      address !== undefined && name !== undefined && name !== "*" ? [[address, name]] : [],
    ),
  );
}

const connectionsSql = `
  SELECT rowid, common_name, virtual_ip_addr, remote_ip_addr, start_time, duration, bytes_received, bytes_sent
  FROM connections
  WHERE duration IS NOT NULL AND (start_time + duration > ?1 OR (start_time + duration = ?1 AND rowid > ?2))
  ORDER BY start_time + duration, rowid LIMIT ?3`;

/** Connections of OpenVPN that have ended, from the database that its scripts keep for each instance. */
async function pushConnections(host: Host, send: Send): Promise<void> {
  for (const instance of host.files.list(vpnDir)) {
    const path = `${vpnDir}/${instance}/connections.db`;
    if (!host.files.exists(path)) continue;
    try {
      for (let more = true; more;) more = await pushConnectionBatch(host, instance, path, send);
    } catch (error) {
      if (!(error instanceof NethsecError) || error.code !== "database_unreadable") throw error;
      host.log("warning", error.message);
    }
  }
}

async function pushConnectionBatch(host: Host, instance: string, path: string, send: Send): Promise<boolean> {
  const cursors = readCursors(host);
  const after = cursors.vpn?.[instance] ?? { end: 0, row: 0 };
  const rows = sqliteRows(host.files.real(path), connectionsSql, [after.end, after.row, itemsPerRequest]);
  const last = rows.at(-1);
  if (last === undefined) return false;
  const data = rows.map((row) => ({
    timestamp: Number(row["start_time"]),
    instance,
    ...Object.fromEntries(Object.entries(row).filter(([column]) => column !== "rowid")),
  }));
  for (const batch of batches(data)) await send("dump-ovpn-connections", { data: batch });
  const reached = { end: Number(last["start_time"]) + Number(last["duration"]), row: Number(last["rowid"]) };
  writeCursors(host, { ...cursors, vpn: { ...cursors.vpn, [instance]: reached } });
  return rows.length === itemsPerRequest;
}
