/** The answer about a range for programs: the command line, the pages and rpcd give the same. Pure. */
import { formatDay } from "../store/report-day.ts";
import type { AskedRange } from "./asked-range.ts";
import { withoutName } from "./compare.ts";
import { labelled, usagesIn, type ListName } from "./export-rows.ts";
import type { RangeSummary } from "./range-summary.ts";
import type { Narrow } from "./summary.ts";

export interface RangeAnswer {
  readonly range: AskedRange;
  readonly narrow: Narrow;
  readonly summary: RangeSummary;
  /** Of `range.before`. */
  readonly before: RangeSummary;
  /** Rows per list. */
  readonly limit: number;
  readonly names: ReadonlyMap<string, string>;
}

export function rangeJson({ range, narrow, summary, before, limit, names }: RangeAnswer): object {
  const list = (name: ListName): object[] =>
    usagesIn(summary, name)
      .slice(0, limit)
      .map(({ id, bytes }) => ({ id, ...labelled(name, id, names), bytes }));
  const { total, unit, sections } = summary;
  return {
    range: range.key,
    title: range.title,
    from: formatDay(range.from),
    to: formatDay(range.to),
    narrow,
    total,
    unattributed: summary.unattributed,
    recorded_days: summary.recordedDays,
    days_without_names: summary.daysWithoutNames,
    before: {
      from: formatDay(range.before.from),
      to: formatDay(range.before.to),
      total: before.total,
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
    ...(sections === undefined
      ? {}
      : {
          applications: list("applications"),
          protocols: list("protocols"),
          hosts: list("hosts"),
          without_a_name: withoutName(total, sections.host),
        }),
  };
}
