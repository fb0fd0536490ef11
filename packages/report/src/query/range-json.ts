/** The answer about a range for programs: the command line, the pages and rpcd give the same. Pure. */
import { formatDay } from "../store/report-day.ts";
import type { Categories } from "../names/categories.ts";
import type { AskedRange } from "./asked-range.ts";
import { categoryJson, categoryUsages } from "./category-usage.ts";
import { withoutName } from "./compare.ts";
import { usageJson, usagesIn, type ListName } from "./export-rows.ts";
import type { ClientGroup } from "../groups/client-groups.ts";
import { groupsJson, narrowJson } from "./export-rows.ts";
import type { RangeSummary } from "./range-summary.ts";
import type { Narrow } from "./narrow.ts";
import { splitJson, totalTraffic } from "./traffic.ts";

export interface RangeAnswer {
  readonly range: AskedRange;
  readonly narrow: Narrow;
  readonly summary: RangeSummary;
  /** Of `range.before`. */
  readonly before: RangeSummary;
  /** Rows per list. */
  readonly limit: number;
  readonly groups: readonly ClientGroup[];
  readonly names: ReadonlyMap<string, string>;
  /** Of applications; undefined: not known here. */
  readonly categories: Categories | undefined;
}

export function rangeJson(answer: RangeAnswer): object {
  const { range, narrow, summary, before, limit, groups, names, categories } = answer;
  const list = (name: ListName): object[] =>
    usagesIn(summary, name)
      .slice(0, limit)
      .map((usage) => usageJson(name, usage, names));
  const { total, unit, sections } = summary;
  return {
    range: range.key,
    title: range.title,
    from: formatDay(range.from),
    to: formatDay(range.to),
    narrow: narrowJson(narrow),
    total,
    ...splitJson(totalTraffic(summary)),
    // null: all of it, or nothing.
    directions_since: summary.directionsSince === undefined ? null : formatDay(summary.directionsSince),
    unattributed: summary.unattributed,
    recorded_days: summary.recordedDays,
    days_without_names: summary.daysWithoutNames,
    before: {
      from: formatDay(range.before.from),
      to: formatDay(range.before.to),
      total: before.total,
      ...splitJson(totalTraffic(before)),
      recorded_days: before.recordedDays,
    },
    unit,
    // null: nothing was recorded.
    bars: summary.bars.map(({ from, hour, bytes }) => ({
      from: formatDay(from),
      ...(hour === undefined ? {} : { hour }),
      bytes: bytes ?? null,
    })),
    clients: list("clients"),
    groups: groupsJson(summary.clients, groups),
    ...(sections === undefined
      ? {}
      : {
          applications: list("applications"),
          protocols: list("protocols"),
          hosts: list("hosts"),
          without_a_name: withoutName(total, sections.host),
          ...(categories === undefined
            ? {}
            : { categories: categoryUsages(sections.application, categories).map(categoryJson) }),
        }),
  };
}
