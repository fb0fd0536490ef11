/** `ns-report summary` and `ns-report client`: a day or a range of days, optionally narrowed, with its hours and its largest names. */
import type { Call } from "@nethsec/host/command/command";
import { clientCount } from "./client-count.ts";
import { openStore } from "../store/open-store.ts";
import { formatBytes } from "@nethsec/host/units";
import { CategoryFiles, type Categories } from "../names/categories.ts";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { categoryJson, categoryUsages } from "../query/category-usage.ts";
import { labelOf } from "../query/labels.ts";
import { groupsJson, narrowJson, usageJson, usagesIn, type ListName } from "../query/export-rows.ts";
import { formatDay, longDay, sameDay } from "../store/report-day.ts";
import { askDay } from "../query/ask.ts";
import { clientGroupsOf, type ClientGroup } from "../groups/client-groups.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import { splitJson, totalTraffic } from "../query/traffic.ts";
import { nothingYet } from "./nothing-yet.ts";
import { showRange } from "./range-view.ts";
import { clientFrom, isByHour, limitAsked, namesFor, narrowAsked, rangeAsked, withoutHour } from "./report-question.ts";
import { heading, hourLines, shown, trafficFact, trafficTable, type TextStyle } from "./report-text.ts";
import { categoryTexts, clientTables, listTitles, rowOf } from "./summary-lists.ts";

export async function run(call: Call): Promise<number> {
  const { client } = call.args;
  const store = openStore(call);
  const range = rangeAsked(call, store.today());
  const day = range.from;
  const narrow = { ...narrowAsked(call), ...(client === undefined ? {} : { client: clientFrom(client) }) };
  const limit = limitAsked(call, 10);
  if (!isByHour(store, range)) return showRange(call, store, range, withoutHour(narrow), limit);
  const summary = askDay(store, day, narrow);
  const names = await namesFor(call, summary.clients.slice(0, limit), narrow);
  const { groups } = clientGroupsOf(call.host.uci);
  const categories = new CategoryFiles(call.host.files).categories();
  // Future hours of today are not shown.
  const lastHour = sameDay(day, store.today()) ? new Date(call.host.clock.now()).getHours() : 23;
  const view: View = { day, narrow, summary, limit, groups, names, categories, lastHour };
  if (call.json) {
    call.io.out(`${JSON.stringify(summaryJson(view))}\n`);
    return 0;
  }
  if (summary.hours.every((bytes) => bytes === 0) && summary.unattributed === 0)
    return nothingYet(call, `No traffic: ${titleOf(day, narrow, names)}.`, sameDay(day, store.today()));
  call.io.out(summaryText(view, { color: call.io.color, columns: call.io.columns }));
  return 0;
}

type Names = ReadonlyMap<string, string>;

interface View {
  readonly day: Day;
  readonly narrow: Narrow;
  readonly summary: Summary;
  /** Rows per list. */
  readonly limit: number;
  readonly groups: readonly ClientGroup[];
  readonly names: Names;
  readonly categories: Categories | undefined;
  readonly lastHour: number;
}

function summaryJson({ day, narrow, summary, limit, groups, names, categories }: View): object {
  const { sections } = summary;
  const list = (name: ListName): object[] =>
    usagesIn(summary, name)
      .slice(0, limit)
      .map((usage) => usageJson(name, usage, names));
  return {
    day: formatDay(day),
    narrow: narrowJson(narrow),
    total: summary.total,
    ...splitJson(totalTraffic(summary)),
    unattributed: summary.unattributed,
    hours: summary.hours,
    clients: list("clients"),
    groups: groupsJson(summary.clients, groups),
    ...(sections === undefined
      ? {}
      : { applications: list("applications"), protocols: list("protocols"), hosts: list("hosts") }),
    ...(sections === undefined || categories === undefined
      ? {}
      : { categories: categoryUsages(sections.application, categories).map(categoryJson) }),
  };
}

function titleOf(day: Day, narrow: Narrow, names: Names): string {
  const { client, group, section, value, hour } = narrow;
  const name = client === undefined ? undefined : names.get(client);
  return [
    longDay(day),
    ...(hour === undefined ? [] : [`${twoDigits(hour)}:00`]),
    ...(client === undefined ? [] : [name === undefined ? client : `${name} (${client})`]),
    ...(group === undefined ? [] : [`group ${group.title}`]),
    ...(section === undefined || value === undefined ? [] : [`${section} ${labelOf(section, value)}`]),
  ].join(", ");
}

function summaryText(
  { day, narrow, summary, limit, groups, names, categories, lastHour }: View,
  style: TextStyle,
): string {
  const lists: readonly ListName[] = [
    ...(narrow.client === undefined ? (["clients"] as const) : []),
    ...(summary.sections === undefined ? [] : (["applications", "protocols", "hosts"] as const)),
  ];
  const tables = lists
    .filter((list) => usagesIn(summary, list).length > 0)
    .map((list) => {
      const usages = usagesIn(summary, list);
      const rows = usages.slice(0, limit).map((usage) => rowOf(list, usage, names));
      const more = usages.length > rows.length ? `\n… ${usages.length - rows.length} more; --limit 0 shows all.` : "";
      return trafficTable(listTitles[list], rows, summary.total, style) + more;
    });
  const facts = `${trafficFact(totalTraffic(summary))}${narrow.client === undefined ? `, ${clientCount(summary.clients.length)}` : ""}${
    summary.unattributed > 0 ? `; ${formatBytes(summary.unattributed)} more belong to no client` : ""
  }`;
  const text = [
    `${heading(shown(titleOf(day, narrow, names), style.columns), style)}\n${facts}`,
    hourLines(summary.hours, lastHour, style),
    ...clientTables(narrow, summary, groups, style),
    ...tables,
    ...categoryTexts(summary, categories, style),
  ];
  return `${text.join("\n\n")}\n`;
}
