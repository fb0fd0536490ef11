/**
 * `ns-push-reports`: sends the controller what happened since the last push, each event once. What cannot be delivered now is delivered later; rows
 * that the controller refuses permanently are set aside.
 * Invariant: a cursor advances only past rows that the controller has accepted or permanently refused.
 */
import { NethsecError } from "@nethsec/host/error";
import { HttpError } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { collectLogEvents } from "./collect-log-events.ts";
import { unitConfig, vpnConfig, wanConfig } from "./config-dumps.ts";
import { readCursors, writeCursors, type Cursors } from "./cursors.ts";
import { delivery, type Delivery, type Send } from "./delivery.ts";
import { dpiSteps, type DpiItem } from "./dpi-stats.ts";
import { ingest } from "./ingest.ts";
import { pushConnections } from "./vpn-connections.ts";

const defaultReportDir = "/var/run/dpireport";
/** Maximum number of items in a request. */
const itemsPerRequest = 5000;

/** Pushes all dumps. A refused dump does not stop the others; the first such error is thrown at the end. */
export async function pushReports(host: Host, signal: AbortSignal): Promise<void> {
  const { controller } = readPlugConfig(host.uci);
  const send: Send = (dump, body) => ingest(host, controller, dump, body);
  // Sent first, because it makes the unit known to a controller that has lost its data.
  const sayName = (): Promise<void> => send("dump-nsplug-config", unitConfig(host));
  await sayName();
  const deliver = delivery(host, send, sayName);
  const troubles: NethsecError[] = [];
  for (const part of [
    () => deliver.all("dump-ovpn-config", vpnConfig(host)),
    async () => deliver.all("dump-wan-config", await wanConfig(host)),
    () => collectLogEvents(host),
    ...["dump-ts-malware", "dump-ts-attacks", "dump-mwan-events"].map((dump) => () => pushPending(host, deliver, dump)),
    () => pushDpiStats(host, deliver, signal),
    () => pushConnections(host, deliver),
  ]) {
    signal.throwIfAborted();
    try {
      await part();
    } catch (error) {
      if (!(error instanceof NethsecError) || !isOfOneDump(error)) throw error;
      host.log("warning", error.message);
      troubles.push(error);
    }
  }
  if (troubles[0] !== undefined) throw troubles[0];
}

/** An error of one dump only: the controller still accepts others. */
const isOfOneDump = (error: NethsecError): boolean =>
  error.code === "dump_refused" || (error instanceof HttpError && error.status === 400);

async function pushPending(host: Host, deliver: Delivery, dump: string): Promise<void> {
  for (;;) {
    const rows = (readCursors(host).pending?.[dump] ?? []).slice(0, itemsPerRequest);
    if (rows.length === 0) return;
    await deliver.rows(dump, rows);
    const cursors = readCursors(host);
    writeCursors(host, {
      ...cursors,
      pending: { ...cursors.pending, [dump]: (cursors.pending?.[dump] ?? []).slice(rows.length) },
    });
  }
}

async function pushDpiStats(host: Host, deliver: Delivery, signal: AbortSignal): Promise<void> {
  const base = host.uci.read("ns-report").get("config", "dump_path") || defaultReportDir;
  const names = clientNames(host);
  let waiting: DpiItem[] = [];
  let cursor: Cursors["dpi"];
  const flush = async (): Promise<void> => {
    await deliver.rows("dump-dpi-stats", waiting);
    waiting = [];
    if (cursor !== undefined) writeCursors(host, { ...readCursors(host), dpi: cursor });
  };
  for (const step of dpiSteps(host, base, readCursors(host).dpi, (address) => names.get(address) ?? address)) {
    signal.throwIfAborted();
    waiting.push(...step.items);
    cursor = step.cursor ?? cursor;
    if (waiting.length >= itemsPerRequest) await flush();
  }
  await flush();
}

/** Client names by address: those configured by the administrator, else those of DHCP leases (dnsmasq's file: expiry, MAC, address, name, id). */
function clientNames({ files, uci }: Pick<Host, "files" | "uci">): ReadonlyMap<string, string> {
  const dhcp = uci.read("dhcp");
  const path = dhcp.ofType("dnsmasq")[0]?.get("leasefile") ?? "/tmp/dhcp.leases";
  const leases = (files.readText(path) ?? "").split("\n").map((line) => line.split(" "));
  const given = [...dhcp.ofType("host"), ...dhcp.ofType("domain")].map((section) => [
    section.get("ip") ?? "",
    section.get("name"),
  ]);
  return new Map([
    ...leases.flatMap(([, , address, name]) =>
      address !== undefined && name !== undefined && name !== "*" ? [[address, name] as const] : [],
    ),
    ...given.flatMap(([address, name]) =>
      address !== undefined && name !== undefined && name !== "" ? [[address, name] as const] : [],
    ),
  ]);
}
