/** A range of days, optionally narrowed: its chart beside the period before, and the largest clients, applications, protocols and hosts. Pure. */
import type { ClientGroup } from "../groups/client-groups.ts";
import { formatBytes } from "@nethsec/host/units";
import { rangeDays, shortDay, type AskedRange } from "../query/asked-range.ts";
import { comparison } from "../query/compare.ts";
import { directionNote } from "../query/direction-text.ts";
import { labelOf } from "../query/labels.ts";
import { totalTraffic } from "../query/traffic.ts";
import type { RangeBar, RangeSummary, Unit } from "../query/range-summary.ts";
import { twoDigits } from "../store/hour-key.ts";
import type { DayRange } from "../store/read-range.ts";
import { formatDay, monthName } from "../store/report-day.ts";
import { barChart, type Bar } from "./bar-chart.ts";
import { html, type Html } from "./html.ts";
import { chips, hourLabel, isNarrow, nameOf } from "./narrowed.ts";
import { emptyState, figures, type Page } from "./page.ts";
import { rangePicker } from "./range-picker.ts";
import { rangeScope, scopeUrl } from "./report-url.ts";
import { directionFigures } from "./traffic-cell.ts";
import { usagePanels, type Scoped } from "./usage-panels.ts";

export interface RangeView extends Scoped {
  readonly range: AskedRange;
  readonly summary: RangeSummary;
  readonly groups: readonly ClientGroup[];
  /** Of `range.before`. */
  readonly before: RangeSummary;
}

export function rangePage(view: RangeView): Page {
  const { base, scope, range, narrow, summary } = view;
  const title = titleOf(view);
  const isEmpty = summary.total === 0 && summary.unattributed === 0;
  const everything = html`Go to <a href="${scopeUrl(base, scope)}">everything of this range</a>.`;
  const content = isEmpty
    ? emptyState(
        isNarrow(narrow)
          ? "No traffic of this kind"
          : `No reports ${rangeDays(range) === 1 ? "of this day" : "in this range"}`,
        isNarrow(narrow) ? everything : html`Go to <a href="${base}/">the months that have reports</a>.`,
      )
    : html`${rangeFigures(view)}${rangeChart(view)}${usagePanels(view)}${explanation(view)}`;
  return {
    title,
    crumbs: [
      { title: "Months", href: `${base}/` },
      ...(title === range.title ? [] : [{ title: range.title, href: scopeUrl(base, scope) }]),
    ],
    body: html`<div class="title">
        <h1><bdi>${title}</bdi></h1>
        <p class="quiet">${daysText(range)}</p>
      </div>
      ${rangePicker(base, narrow, range.key, range)} ${chips(view, (rest) => scopeUrl(base, scope, rest))}${content}`,
  };
}

function titleOf({ range, narrow, names }: RangeView): string {
  if (narrow.client !== undefined) return nameOf(names, narrow.client);
  if (narrow.group !== undefined && narrow.value === undefined) return narrow.group.title;
  if (narrow.section !== undefined && narrow.value !== undefined) return labelOf(narrow.section, narrow.value);
  return range.title;
}

function daysText({ from, to }: DayRange): string {
  return rangeDays({ from, to }) === 1 ? shortDay(from) : `${shortDay(from)} to ${shortDay(to)}`;
}

function rangeFigures({ range, narrow, summary, before }: RangeView): Html {
  const change = comparison(summary.total, before);
  const days = rangeDays(range);
  return figures([
    { name: "Traffic", value: formatBytes(summary.total), ...(change === undefined ? {} : { note: change }) },
    ...directionFigures(summary),
    ...(narrow.client === undefined ? [{ name: "Clients", value: summary.clients.length }] : []),
    ...(summary.recordedDays < days
      ? [{ name: "Days with a record", value: summary.recordedDays, note: `of ${days}` }]
      : []),
    ...(summary.unattributed > 0
      ? [{ name: "Unattributed", value: formatBytes(summary.unattributed), note: "not in the traffic above" }]
      : []),
  ]);
}

const perUnit: Readonly<Record<Unit, string>> = { hour: "hour", day: "day", week: "week", month: "month" };

function rangeChart({ base, range, narrow, summary, before }: RangeView): Html {
  const { unit } = summary;
  const isComparable = before.unit === unit && before.recordedDays > 0;
  const bars = summary.bars.map((bar, index): Bar => {
    const earlier = isComparable ? before.bars[index]?.bytes : undefined;
    const key = bar.hour === undefined ? keyOf(bar, unit) : undefined;
    return {
      tick: tickOf(bar, unit, index),
      label: labelOfBar(bar, unit),
      bytes: bar.bytes ?? 0,
      isGap: bar.bytes === undefined,
      ...(earlier === undefined ? {} : { before: earlier }),
      ...(key === undefined || bar.bytes === undefined || bar.bytes === 0 ? {} : { href: scopeUrl(base, key, narrow) }),
    };
  });
  const every = unit === "week" ? 1 : Math.max(1, Math.ceil(bars.length / 7));
  return html`${barChart(`Traffic by ${perUnit[unit]}`, bars, every)}
    <p class="quiet">
      By ${perUnit[unit]}.${isComparable && html` Lines: the period before, ${daysText(range.before)}.`}
    </p>`;
}

/** The report that a bar leads to. */
function keyOf({ from, to }: RangeBar, unit: Unit): string {
  if (rangeDays({ from, to }) === 1) return formatDay(from);
  return unit === "month" && from.day === 1
    ? rangeScope(formatDay(from).slice(0, 7))
    : rangeScope(`${formatDay(from)}..${formatDay(to)}`);
}

function tickOf({ from, hour }: RangeBar, unit: Unit, index: number): string {
  if (hour !== undefined) return twoDigits(hour);
  if (unit === "day") return `${from.day}`;
  const month = monthName(from.month).slice(0, 3);
  return unit === "month" || (index > 0 && from.day <= 7) ? month : "";
}

function labelOfBar({ from, to, hour }: RangeBar, unit: Unit): string {
  if (hour !== undefined) return hourLabel(hour);
  if (unit === "month") return `${monthName(from.month)} ${from.year}`;
  return daysText({ from, to });
}

function explanation({ summary, narrow }: RangeView): Html {
  const directions = directionNote(totalTraffic(summary), summary.directionsSince);
  return html`${directions !== undefined && html`<p class="quiet">${directions}</p>`}
  ${summary.unattributed > 0 && html`<p class="quiet">Unattributed are bytes of flows of which the DPI engine never told the client or the protocol.</p>`}
  ${summary.daysWithoutNames > 0 && html`<p class="quiet">Of ${summary.daysWithoutNames} days only totals are left: their roll-ups were removed to make room.</p>`}
  ${narrow.value !== undefined && html`<p class="quiet">Reports keep applications, protocols and hosts each by itself, so what is behind one of them is shown by client and day only.</p>`}`;
}
