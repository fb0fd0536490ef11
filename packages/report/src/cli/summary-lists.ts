/** The lists of a summary, for a day and a range alike. Pure. */
import type { Categories } from "../names/categories.ts";
import { categoryUsages } from "../query/category-usage.ts";
import { sectionOfList, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import { withoutNameLabel } from "../query/compare.ts";
import { totalTraffic, trafficWithout, type Usage } from "../query/traffic.ts";
import type { RangeSummary } from "../query/range-summary.ts";
import { trafficTable, type TextStyle, type TrafficRow } from "./report-text.ts";

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

/** The table of categories: all of them, since there are few; none where they are not known. */
export function categoryTexts(
  { total, sections }: Pick<RangeSummary, "total" | "sections">,
  categories: Categories | undefined,
  style: TextStyle,
): string[] {
  const rows = categoryUsages(sections?.application, categories);
  return rows.length === 0 ? [] : [trafficTable("Category", rows, total, style)];
}
