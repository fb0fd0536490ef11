/** One day, optionally narrowed: hours, and the largest clients, applications, protocols and hosts. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { labelOf } from "../query/labels.ts";
import { longDay, monthName } from "../store/report-day.ts";
import type { Narrow, Summary, Usage } from "../query/summary.ts";
import { barChart } from "./bar-chart.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { emptyState, figures, type Crumb, type Page } from "./page.ts";
import { listNames, sectionOfList, type ListName } from "../query/export-rows.ts";
import { dayUrl, listUrl, monthUrl } from "./report-url.ts";
import { usageTable, type UsageRow } from "./usage-table.ts";

/** Rows of each list on the day's page; a link leads to the whole list. */
const topRows = 10;

export interface DayView {
  readonly base: string;
  readonly day: Day;
  readonly narrow: Narrow;
  readonly summary: Summary;
  /** Names by address, for the clients that have one. */
  readonly names: ReadonlyMap<string, string>;
  readonly previous: Day | undefined;
  readonly next: Day | undefined;
  /** Message when the day is empty. */
  readonly whenEmpty: HtmlValue;
}

/** The clients whose names the page shows. */
export function clientsOnDayPage(summary: Summary, narrow: Narrow): string[] {
  return [
    ...(narrow.client === undefined ? [] : [narrow.client]),
    ...summary.clients.slice(0, topRows).map(({ id }) => id),
  ];
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
          <div class="panels">${listNames.map((list) => panel(view, list))}</div>
          ${explanation(view)}`;
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

function isNarrow(narrow: Narrow): boolean {
  return narrow.client !== undefined || narrow.hour !== undefined || narrow.value !== undefined;
}

export function nameOf(names: ReadonlyMap<string, string>, client: string): string {
  return names.get(client) ?? client;
}

function titleOf({ day, narrow, names }: DayView): string {
  if (narrow.client !== undefined) return nameOf(names, narrow.client);
  if (narrow.section !== undefined && narrow.value !== undefined) return labelOf(narrow.section, narrow.value);
  return longDay(day);
}

/** Months › November 2026 › Sunday 22 November 2026 (› the client or name, which is the title). */
export function crumbsOf({ base, day, narrow }: Pick<DayView, "base" | "day" | "narrow">): Crumb[] {
  const crumbs = [
    { title: "Months", href: `${base}/` },
    { title: `${monthName(day.month)} ${day.year}`, href: monthUrl(base, day.year, day.month) },
  ];
  const titleIsDay = narrow.client === undefined && narrow.value === undefined;
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

/** The parts of the narrowing, each with a link that removes it; nothing when there is no narrowing. */
export function chips(
  { narrow, names }: Pick<DayView, "day" | "narrow" | "names">,
  urlOf: (rest: Narrow) => string,
): Html | false {
  const { client, hour, section, value } = narrow;
  const byClient = client === undefined ? {} : { client };
  const byHour = hour === undefined ? {} : { hour };
  const byName = section === undefined || value === undefined ? {} : { section, value };
  const chip = (kind: string, text: string, rest: Narrow): Html =>
    html`<li>
      <span
        >${kind} <strong><bdi>${text}</bdi></strong></span
      ><a href="${urlOf(rest)}" aria-label="Show all again, without ${kind} ${text}">✕</a>
    </li>`;
  if (!isNarrow(narrow)) return false;
  return html`<ul class="chips" aria-label="Narrowed to">
    ${client !== undefined && chip("client", names.has(client) ? `${nameOf(names, client)} (${client})` : client, { ...byName, ...byHour })}
    ${section !== undefined && value !== undefined && chip(section, labelOf(section, value), { ...byClient, ...byHour })}
    ${hour !== undefined && chip("hour", hourLabel(hour), { ...byName, ...byClient })}
  </ul>`;
}

export function hourLabel(hour: number): string {
  return `${twoDigits(hour)}:00 to ${twoDigits((hour + 1) % 24)}:00`;
}

function dayFigures({ base, day, narrow, summary }: DayView): Html {
  const top = Math.max(...summary.hours);
  const busiest = summary.hours.indexOf(top);
  return figures([
    { name: "Traffic", value: formatBytes(summary.total) },
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
  return html`${summary.unattributed > 0 && html`<p class="quiet">Unattributed are bytes of flows of which the DPI engine never told the client or the protocol.</p>`}
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

export const listTitles: Readonly<Record<ListName, { readonly title: string; readonly one: string }>> = {
  clients: { title: "Clients", one: "Client" },
  applications: { title: "Applications", one: "Application" },
  protocols: { title: "Protocols", one: "Protocol" },
  hosts: { title: "Remote hosts", one: "Remote host" },
};

/** undefined when the narrowing leaves nothing to list: one client, or names of an application. */
export function usagesOf(summary: Summary, narrow: Narrow, list: ListName): readonly Usage[] | undefined {
  const section = sectionOfList[list];
  if (section !== undefined) return summary.sections?.[section];
  return narrow.client === undefined ? summary.clients : undefined;
}

export function usageRows(
  view: Pick<DayView, "base" | "day" | "narrow" | "names">,
  list: ListName,
  usages: readonly Usage[],
): UsageRow[] {
  const { base, day, narrow, names } = view;
  const section = sectionOfList[list];
  return usages.map(({ id, bytes }) => {
    if (section !== undefined)
      return { label: labelOf(section, id), bytes, href: dayUrl(base, day, { ...narrow, section, value: id }) };
    const name = names.get(id);
    return {
      label: name ?? id,
      bytes,
      href: dayUrl(base, day, { ...narrow, client: id }),
      ...(name === undefined ? {} : { note: id }),
    };
  });
}

function panel(view: DayView, list: ListName): Html | false {
  const { base, day, narrow, summary } = view;
  const usages = usagesOf(summary, narrow, list);
  if (usages === undefined) return false;
  const { title, one } = listTitles[list];
  const top = usages.slice(0, topRows);
  const table = usageTable({
    caption: `${title}, largest first`,
    what: one,
    rows: usageRows(view, list, top),
    total: summary.total,
    largest: usages[0]?.bytes ?? 0,
    sort: "traffic",
    sortUrl: (sort) => listUrl(base, day, list, narrow, { sort }),
    complete: usages.length <= topRows,
  });
  return html`<section class="panel" id="${list}">
    <h2>${title}</h2>
    ${usages.length === 0 ? html`<p class="quiet">None.</p>` : table}
    <p class="exports">
      ${usages.length > topRows && html`<a class="all" href="${listUrl(base, day, list, narrow)}">All ${usages.length} ${title.toLowerCase()}</a>`}
      <a href="${listUrl(base, day, list, narrow, {}, ".csv")}"
        >CSV<span class="hidden"> of ${title.toLowerCase()}</span></a
      >
      <a href="${listUrl(base, day, list, narrow, {}, ".json")}"
        >JSON<span class="hidden"> of ${title.toLowerCase()}</span></a
      >
    </p>
  </section>`;
}
