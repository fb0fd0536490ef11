/** A range of days on the terminal and as JSON: `ns-report summary last-month`, `ns-report client 192.168.1.10 2026`. */
import type { Call } from "@nethsec/host/command/command";
import { formatBytes } from "@nethsec/host/units";
import { CategoryFiles } from "../names/categories.ts";
import { rangeDays, type AskedRange } from "../query/asked-range.ts";
import { comparison, withoutName } from "../query/compare.ts";
import { usagesIn, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import { clientGroupsOf } from "../groups/client-groups.ts";
import { askRange } from "../query/ask.ts";
import type { RangeBar, RangeSummary } from "../query/range-summary.ts";
import { rangeJson } from "../query/range-json.ts";
import type { Narrow } from "../query/narrow.ts";
import { totalTraffic } from "../query/traffic.ts";
import { twoDigits } from "../store/hour-key.ts";
import { formatDay, monthName } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import { clientCount } from "./client-count.ts";
import { nothingYet } from "./nothing-yet.ts";
import { namesFor } from "./report-question.ts";
import { barLines, heading, shown, trafficFact, trafficTable } from "./report-text.ts";
import { categoryTexts, clientTables, listTitles, namelessRow, rowOf } from "./summary-lists.ts";

export async function showRange(
  call: Call,
  store: ReportStore,
  range: AskedRange,
  narrow: Narrow,
  limit: number,
): Promise<number> {
  const summary = askRange(store, range, narrow);
  const before = askRange(store, range.before, narrow);
  const names = await namesFor(call, summary.clients.slice(0, limit), narrow);
  const { groups } = clientGroupsOf(call.host.uci);
  const categories = new CategoryFiles(call.host.files).categories();
  if (call.json) {
    call.io.out(`${JSON.stringify(rangeJson({ range, narrow, summary, before, limit, groups, names, categories }))}\n`);
    return 0;
  }
  if (summary.total === 0 && summary.unattributed === 0) return nothingYet(call, `No traffic: ${range.title}.`, false);
  const style = { color: call.io.color, columns: call.io.columns };
  const change = comparison(summary.total, before);
  const facts = [
    trafficFact(totalTraffic(summary), summary.directionsSince),
    ...(narrow.client === undefined ? [clientCount(summary.clients.length)] : []),
    ...(change === undefined ? [] : [change]),
    ...(summary.unattributed > 0 ? [`${formatBytes(summary.unattributed)} more belong to no client`] : []),
    ...gapFacts(range, summary),
  ].join("; ");
  const bars = summary.bars.map((bar) => ({ label: barLabel(bar, summary.unit), bytes: bar.bytes }));
  const tables = listsOf(narrow, summary).flatMap((list) => {
    const usages = usagesIn(summary, list);
    if (usages.length === 0) return [];
    const rows = usages.slice(0, limit).map((usage) => rowOf(list, usage, names));
    const nameless = list === "hosts" ? withoutName(summary.total, usages) : 0;
    const all = nameless > 0 ? [...rows, namelessRow(summary, usages)] : rows;
    const more = usages.length > rows.length ? `\n… ${usages.length - rows.length} more; --limit 0 shows all.` : "";
    return [trafficTable(listTitles[list], all, summary.total, style) + more];
  });
  tables.push(...categoryTexts(summary, categories, style));
  const title = [range.title, ...titleOf(narrow, names)].join(", ");
  call.io.out(
    `${[`${heading(shown(title, style.columns), style)}\n${facts}`, barLines(bars, style), ...clientTables(narrow, summary, groups, style), ...tables].join("\n\n")}\n`,
  );
  return 0;
}

type Names = ReadonlyMap<string, string>;

function titleOf({ client, group, section, value }: Narrow, names: Names): string[] {
  const name = client === undefined ? undefined : names.get(client);
  return [
    ...(client === undefined ? [] : [name === undefined ? client : `${name} (${client})`]),
    ...(group === undefined ? [] : [`group ${group.title}`]),
    ...(section === undefined || value === undefined ? [] : [`${section} ${labelOf(section, value)}`]),
  ];
}

function gapFacts(range: AskedRange, { recordedDays, daysWithoutNames }: RangeSummary): string[] {
  const days = rangeDays(range);
  return [
    ...(recordedDays < days ? [`${recordedDays} of ${days} days have a record`] : []),
    ...(daysWithoutNames > 0 ? [`of ${daysWithoutNames} days only totals are left`] : []),
  ];
}

export function listsOf(narrow: Narrow, { sections }: Pick<RangeSummary, "sections">): readonly ListName[] {
  return [
    ...(narrow.client === undefined ? (["clients"] as const) : []),
    ...(sections === undefined ? [] : (["applications", "protocols", "hosts"] as const)),
  ];
}

export function barLabel({ from, to, hour }: RangeBar, unit: RangeSummary["unit"]): string {
  if (hour !== undefined) return twoDigits(hour);
  if (unit === "month") return `${monthName(from.month).slice(0, 3)} ${from.year}`;
  return unit === "day" || rangeDays({ from, to }) === 1 ? formatDay(from) : `from ${formatDay(from)}`;
}
