/** One day, optionally narrowed: hours, and the largest clients, applications, protocols and hosts. Pure. */
import type { ClientGroup } from "../groups/client-groups.ts";
import { formatBytes } from "@nethsec/host/units";
import { twoDigits, type Day } from "../store/hour-key.ts";
import type { Categories } from "../names/categories.ts";
import { directionNote } from "../query/direction-text.ts";
import { labelOf } from "../query/labels.ts";
import { totalTraffic } from "../query/traffic.ts";
import { formatDay, longDay, monthName } from "../store/report-day.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import { barChart } from "./bar-chart.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { emptyState, figures, type Crumb, type Page } from "./page.ts";
import { chips, hourLabel, isNarrow, nameOf } from "./narrowed.ts";
import { dayUrl, monthUrl } from "./report-url.ts";
import { directionFigures } from "./traffic-cell.ts";
import { usagePanels } from "./usage-panels.ts";

export interface DayView {
  readonly base: string;
  readonly day: Day;
  readonly narrow: Narrow;
  readonly summary: Summary;
  readonly groups: readonly ClientGroup[];
  /** Names by address, for the clients that have one. */
  readonly names: ReadonlyMap<string, string>;
  readonly categories?: Categories | undefined;
  readonly previous: Day | undefined;
  readonly next: Day | undefined;
  /** Message when the day is empty. */
  readonly whenEmpty: HtmlValue;
}

export function dayPage(view: DayView): Page {
  const { narrow, summary } = view;
  const title = titleOf(view);
  const content =
    summary.hours.every((bytes) => bytes === 0) && summary.unattributed === 0
      ? emptyState(
          isNarrow(narrow) ? "No traffic of this kind" : "No reports of this day",
          isNarrow(narrow)
            ? html`Go to <a href="${dayUrl(view.base, view.day)}">everything of this day</a>.`
            : view.whenEmpty,
        )
      : html`${dayFigures(view)}${barChart("Traffic by hour", hourBars(view), 3)}
        ${usagePanels({ ...view, scope: formatDay(view.day) })} ${explanation(view)}`;
  return {
    title,
    crumbs: crumbsOf(view),
    body: html`<div class="title">
        <h1><bdi>${title}</bdi></h1>
        ${turnPage(view)}
      </div>
      ${chips(view, (rest) => dayUrl(view.base, view.day, rest))}${content}`,
  };
}

function titleOf({ day, narrow, names }: DayView): string {
  if (narrow.client !== undefined) return nameOf(names, narrow.client);
  if (narrow.group !== undefined && narrow.value === undefined) return narrow.group.title;
  if (narrow.section !== undefined && narrow.value !== undefined) return labelOf(narrow.section, narrow.value);
  return longDay(day);
}

/** Months › November 2026 › Sunday 22 November 2026 (› the client or name, which is the title). */
export function crumbsOf({ base, day, narrow }: Pick<DayView, "base" | "day" | "narrow">): Crumb[] {
  const crumbs = [
    { title: "Months", href: `${base}/` },
    { title: `${monthName(day.month)} ${day.year}`, href: monthUrl(base, day.year, day.month) },
  ];
  const titleIsDay = narrow.client === undefined && narrow.group === undefined && narrow.value === undefined;
  return titleIsDay ? crumbs : [...crumbs, { title: longDay(day), href: dayUrl(base, day) }];
}

function turnPage(view: DayView): Html {
  const link = (to: Day | undefined, text: string, rel: string): Html | false =>
    to !== undefined &&
    html`<a rel="${rel}" href="${dayUrl(view.base, to, view.narrow)}"
      >${text} <span class="hidden">${longDay(to)}</span></a
    >`;
  return html`<nav class="turn" aria-label="Other days">
    ${link(view.previous, "← Earlier", "prev")}${link(view.next, "Later →", "next")}
  </nav>`;
}

function dayFigures({ base, day, narrow, summary }: DayView): Html {
  const top = Math.max(...summary.hours);
  const busiest = summary.hours.indexOf(top);
  return figures([
    { name: "Traffic", value: formatBytes(summary.total) },
    ...directionFigures(summary),
    ...(narrow.client === undefined ? [{ name: "Clients", value: summary.clients.length }] : []),
    ...(narrow.hour === undefined && top > 0
      ? [
          {
            name: "Busiest hour",
            value: html`<a href="${dayUrl(base, day, { ...narrow, hour: busiest })}">${twoDigits(busiest)}:00</a>`,
            note: formatBytes(top),
          },
        ]
      : []),
    ...(summary.unattributed > 0
      ? [{ name: "Unattributed", value: formatBytes(summary.unattributed), note: "not in the traffic above" }]
      : []),
  ]);
}

function explanation({ summary, narrow }: DayView): Html {
  const directions = directionNote(totalTraffic(summary));
  return html`${directions !== undefined && html`<p class="quiet">${directions}</p>`}
  ${summary.unattributed > 0 && html`<p class="quiet">Unattributed are bytes of flows of which the DPI engine never told the client or the protocol.</p>`}
  ${narrow.value !== undefined && html`<p class="quiet">Reports keep applications, protocols and hosts each by itself, so what is behind one of them is shown by client and hour only.</p>`}`;
}

function hourBars({ base, day, narrow, summary }: DayView): Parameters<typeof barChart>[1] {
  return summary.hours.map((bytes, hour) => ({
    tick: twoDigits(hour),
    label: hourLabel(hour),
    bytes,
    ...(bytes === 0 ? {} : { href: dayUrl(base, day, { ...narrow, hour }) }),
    chosen: narrow.hour === hour,
  }));
}
