/** What happens now, for programs: `ns-report watch --json` and `/live.json` tell the same. Pure. */
import { deviceIn, mainAddress } from "./client-rows.ts";
import { labelOf } from "./labels.ts";
import type { InterfaceState } from "./interface-rates.ts";
import { byRate, type LiveHourState } from "./live-hour.ts";
import { splitJson, totalTraffic, type Usage } from "./traffic.ts";

/** Rows of applications and of hosts; the clients are all there. */
const mostNames = 20;

/** `names`: of clients. Growth is bytes within `interval_ms`, `null` until it is known. */
export function liveJson(
  { hour, summary, growth, asOf }: LiveHourState,
  interfaces: InterfaceState,
  names: ReadonlyMap<string, string>,
): object {
  const row = (usage: Usage, grown: ReadonlyMap<string, number> | undefined): object => ({
    bytes: usage.bytes,
    growth: grown === undefined ? null : (grown.get(usage.id) ?? 0),
    ...splitJson(usage),
  });
  return {
    as_of: asOf ?? null,
    hour,
    total: summary.total,
    ...splitJson(totalTraffic(summary)),
    interval_ms: growth?.ms ?? null,
    growth: growth?.total ?? null,
    clients: byRate(summary.clients, growth?.clients, Infinity).map((usage) => ({
      client: mainAddress(usage),
      device: deviceIn(usage) ?? null,
      name: names.get(usage.id) ?? null,
      ...row(usage, growth?.clients),
    })),
    applications: byRate(summary.sections?.application ?? [], growth?.applications, mostNames).map((usage) => ({
      application: usage.id,
      label: labelOf("application", usage.id),
      ...row(usage, growth?.applications),
    })),
    hosts: byRate(summary.sections?.host ?? [], growth?.hosts, mostNames).map((usage) => ({
      host: usage.id,
      ...row(usage, growth?.hosts),
    })),
    ...interfacesJson(interfaces),
  };
}

/** Rates are averages of `interfaces_interval_ms`. */
function interfacesJson({ interfaces, ms }: InterfaceState): object {
  const rate = (bytes: number | undefined): number | null =>
    bytes === undefined || ms === undefined ? null : Math.round((bytes * 8000) / ms);
  return {
    interfaces_interval_ms: ms ?? null,
    interfaces: interfaces.map((one) => ({
      device: one.device,
      interfaces: one.interfaces,
      zone: one.zone ?? null,
      received: one.received,
      sent: one.sent,
      received_bits_per_second: rate(one.growth?.received),
      sent_bits_per_second: rate(one.growth?.sent),
    })),
  };
}
