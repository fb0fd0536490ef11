/** The current hour as it grows: a part of the page that the server re-sends every two seconds. Pure. */
import { formatBitRate, formatBytes, formatDuration } from "@nethsec/host/units";
import { twoDigits } from "../store/hour-key.ts";
import { labelOf } from "../query/labels.ts";
import type { LiveHourState } from "../query/live-hour.ts";
import type { Usage } from "../query/traffic.ts";
import { hourLabel } from "./narrowed.ts";
import { dataTable } from "./data-table.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { emptyState, figures, type Page } from "./page.ts";
import { dayUrl } from "./report-url.ts";
import { directionFigures, trafficCell } from "./traffic-cell.ts";

const liveRows = 12;

export interface LiveView extends LiveHourState {
  readonly base: string;
  readonly names: ReadonlyMap<string, string>;
  readonly whenEmpty: HtmlValue;
  /** Reason why nothing is counted now; undefined when counting. */
  readonly paused: string | undefined;
}

/** The clients that {@link liveFragment} shows: those with the highest rate; before rates are known, with the most traffic. */
export function clientsLive({ summary, growth }: Pick<LiveHourState, "summary" | "growth">): readonly Usage[] {
  const rateOf = ({ id }: Usage): number => growth?.clients.get(id) ?? 0;
  // A stable sort: clients with the same rate stay by traffic.
  return summary.clients.toSorted((a, b) => rateOf(b) - rateOf(a)).slice(0, liveRows);
}

export function livePage(view: LiveView): Page {
  return {
    title: "Live",
    crumbs: [{ title: "Months", href: `${view.base}/` }],
    refresh: 60,
    body: html`<div class="title">
        <h1>This hour</h1>
        <p class="quiet">
          <span role="status" data-live-state>${view.paused ?? "Loaded once; reload for newer figures."}</span>
          <button type="button" data-pause aria-pressed="false" hidden>Pause</button>
        </p>
      </div>
      <div id="live" data-live="${view.base}/live/events">${liveFragment(view)}</div>`,
  };
}

export function liveFragment(view: LiveView): Html {
  const { base, day, hour, summary, growth } = view;
  // For the script, which shows this text in place of "Follows the traffic."
  const state = view.paused === undefined ? undefined : html`<span data-paused="${view.paused}"></span>`;
  if (summary.total === 0 && summary.unattributed === 0)
    return html`${state}${emptyState("Nothing in this hour yet", view.whenEmpty)}`;
  return html`${state}${figures([
      {
        name: hourLabel(hour),
        value: html`<a href="${dayUrl(base, day, { hour })}">${formatBytes(summary.total)}</a>`,
      },
      ...directionFigures(summary),
      {
        name: "Rate",
        value: growth === undefined ? "…" : rate(growth.total, growth.ms),
        ...(growth === undefined ? { note: "known in a moment" } : { note: `in ${formatDuration(growth.ms)}` }),
      },
      ...(view.asOf === undefined ? [] : [{ name: "As of", value: clockTime(view.asOf) }]),
    ])}
    <div class="panels">
      <section class="panel">
        <h2>Clients</h2>
        ${clientTable(view)}
      </section>
      <section class="panel">
        <h2>Applications</h2>
        ${applicationTable(view)}
      </section>
    </div>`;
}

function rate(bytes: number, ms: number): string {
  return formatBitRate(ms <= 0 ? 0 : (bytes * 8000) / ms);
}

function clockTime(ms: number): string {
  const date = new Date(ms);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}

function clientTable(view: LiveView): Html {
  const { base, day, hour, names, growth } = view;
  const rows = clientsLive(view).map((usage) => {
    const { id } = usage;
    const grown = growth?.clients.get(id) ?? 0;
    const name = names.get(id);
    return html`<tr>
      <th scope="row" class="name">
        <a href="${dayUrl(base, day, { client: id, hour })}"><bdi>${name ?? id}</bdi></a
        >${name !== undefined && html` <small><bdi>${id}</bdi></small>`}
      </th>
      <td class="number" data-bytes="${grown}">${growth === undefined ? "…" : rate(grown, growth.ms)}</td>
      ${trafficCell(usage)}
    </tr>`;
  });
  return dataTable({
    id: "live-clients",
    caption: "Clients in this hour",
    columns: [
      ["Client", "name"],
      ["Rate", "number"],
      ["Traffic", "number"],
    ],
    rows,
  });
}

function applicationTable({ base, day, hour, summary }: LiveView): Html {
  const rows = (summary.sections?.application ?? []).slice(0, liveRows).map(
    (usage) =>
      html`<tr>
        <th scope="row" class="name">
          <a href="${dayUrl(base, day, { section: "application", value: usage.id, hour })}"
            ><bdi>${labelOf("application", usage.id)}</bdi></a
          >
        </th>
        ${trafficCell(usage)}
      </tr>`,
  );
  return dataTable({
    id: "live-applications",
    caption: "Applications in this hour",
    columns: [
      ["Application", "name"],
      ["Traffic", "number"],
    ],
    rows,
  });
}
