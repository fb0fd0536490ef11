/** A range of days on the terminal and as JSON: `ns-report summary last-month`, `ns-report client 192.168.1.10 2026`. */
import type { Call } from "@nethsec/host/command/command";
import { formatBytes } from "@nethsec/host/units";
import { CategoryFiles } from "../names/categories.ts";
import { rangeDays, type AskedRange } from "../query/asked-range.ts";
import { comparison, withoutName } from "../query/compare.ts";
import { usagesIn, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import { summariseRange, type RangeBar, type RangeSummary } from "../query/range-summary.ts";
import { rangeJson } from "../query/range-json.ts";
import type { Narrow } from "../query/summary.ts";
import { totalTraffic } from "../query/traffic.ts";
import { twoDigits } from "../store/hour-key.ts";
import { formatDay, monthName } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import { clientCount } from "./client-count.ts";
import { nothingYet } from "./nothing-yet.ts";
import { namesFor } from "./report-question.ts";
import { barLines, heading, shown, trafficFact, trafficTable } from "./report-text.ts";
import { categoryTexts, listTitles, namelessRow, rowOf } from "./summary-lists.ts";

export async function showRange(
  call: Call,
  store: ReportStore,
  range: AskedRange,
  narrow: Narrow,
  limit: number,
): Promise<number> {
  const summary = summariseRange((days, byDay) => store.periods(days, byDay), range, narrow);
  const before = summariseRange((days, byDay) => store.periods(days, byDay), range.before, narrow);
  const clients = [
    ...(narrow.client === undefined ? [] : [narrow.client]),
    ...summary.clients.slice(0, limit).map(({ id }) => id),
  ];
  const names = await namesFor(call, clients);
  const categories = new CategoryFiles(call.host.files).categories();
  if (call.json) {
    call.io.out(`${JSON.stringify(rangeJson({ range, narrow, summary, before, limit, names, categories }))}\n`);
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
    `${[`${heading(shown(title, style.columns), style)}\n${facts}`, barLines(bars, style), ...tables].join("\n\n")}\n`,
  );
  return 0;
}

type Names = ReadonlyMap<string, string>;

function titleOf({ client, section, value }: Narrow, names: Names): string[] {
  const name = client === undefined ? undefined : names.get(client);
  return [
    ...(client === undefined ? [] : [name === undefined ? client : `${name} (${client})`]),
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
