/** The lists of a summary, for a day and a range alike. Pure. */
import { sectionOfList, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import { withoutNameLabel } from "../query/compare.ts";
import { totalTraffic, trafficWithout, type Usage } from "../query/traffic.ts";
import type { TrafficRow } from "./report-text.ts";

export const listTitles: Readonly<Record<ListName, string>> = {
  clients: "Client",
  applications: "Application",
  protocols: "Protocol",
  hosts: "Remote host",
};

export function rowOf(list: ListName, usage: Usage, names: ReadonlyMap<string, string>): TrafficRow {
  const { id } = usage;
  const section = sectionOfList[list];
  if (section !== undefined) return { ...usage, label: labelOf(section, id) };
  const name = names.get(id);
  return name === undefined ? { ...usage, label: id } : { ...usage, label: name, address: id };
}

/** The traffic that the hosts' list does not have. */
export function namelessRow(summary: Parameters<typeof totalTraffic>[0], hosts: readonly Usage[]): TrafficRow {
  return { label: withoutNameLabel, ...trafficWithout(totalTraffic(summary), hosts) };
}
