/** The lists of a summary, for a day and a range alike. Pure. */
import type { Categories } from "../names/categories.ts";
import { categoryUsages } from "../query/category-usage.ts";
import { sectionOfList, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import { withoutNameLabel } from "../query/compare.ts";
import { clientText, groupUsages, type ClientUsage } from "../query/client-rows.ts";
import type { ClientGroup } from "../groups/client-groups.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import { totalTraffic, trafficWithout, type Usage } from "../query/traffic.ts";
import type { RangeSummary } from "../query/range-summary.ts";
import { trafficTable, type TextStyle, type TrafficRow } from "./report-text.ts";

export const listTitles: Readonly<Record<ListName, string>> = {
  clients: "Client",
  applications: "Application",
  protocols: "Protocol",
  hosts: "Remote host",
};

export function rowOf(list: ListName, usage: ClientUsage, names: ReadonlyMap<string, string>): TrafficRow {
  const section = sectionOfList[list];
  if (section !== undefined) return { ...usage, label: labelOf(section, usage.id) };
  const { label, note } = clientText(usage, names);
  return note === undefined ? { ...usage, label } : { ...usage, label, address: note };
}

/** The groups of a report about all clients, and the addresses of one about a device. */
export function clientTables(
  narrow: Narrow,
  summary: Pick<Summary, "total" | "clients">,
  groups: readonly ClientGroup[],
  style: TextStyle,
): string[] {
  const [row] = summary.clients;
  if (narrow.client !== undefined) {
    const addresses = (row?.addresses ?? []).map((usage) => ({ ...usage, label: usage.id }));
    return addresses.length > 0 ? [trafficTable("Address", addresses, summary.total, style)] : [];
  }
  if (narrow.group !== undefined) return [];
  const titles = new Map(groups.map(({ name, title }) => [name, title]));
  const rows = groupUsages(summary.clients, groups).map((usage) => ({
    ...usage,
    label: titles.get(usage.id) ?? usage.id,
  }));
  return rows.length > 0 ? [trafficTable("Group", rows, summary.total, style)] : [];
}

/** The traffic that the hosts' list does not have. */
export function namelessRow(summary: Parameters<typeof totalTraffic>[0], hosts: readonly Usage[]): TrafficRow {
  return { label: withoutNameLabel, ...trafficWithout(totalTraffic(summary), hosts) };
}

/** The table of categories: all of them, since there are few; none where they are not known. */
export function categoryTexts(
  { total, sections }: Pick<RangeSummary, "total" | "sections">,
  categories: Categories | undefined,
  style: TextStyle,
): string[] {
  const rows = categoryUsages(sections?.application, categories);
  return rows.length === 0 ? [] : [trafficTable("Category", rows, total, style)];
}
