/** The current hour as it grows: a part of the page that the server re-sends every two seconds. Pure. */
import { formatBitRate, formatBytes, formatDuration } from "@nethsec/host/units";
import { twoDigits } from "../store/hour-key.ts";
import { labelOf } from "../query/labels.ts";
import { interfaceTitle, type InterfaceState } from "../query/interface-rates.ts";
import { byRate, type LiveHourState } from "../query/live-hour.ts";
import { clientText, type ClientUsage } from "../query/client-rows.ts";
import { hourLabel } from "./narrowed.ts";
import { dataTable } from "./data-table.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { emptyState, figures, type Page } from "./page.ts";
import { dayUrl } from "./report-url.ts";
import { directionFigures, trafficCell } from "./traffic-cell.ts";

const liveRows = 20;

export interface LiveView extends LiveHourState {
  readonly base: string;
  readonly interfaces: InterfaceState;
  readonly names: ReadonlyMap<string, string>;
  readonly whenEmpty: HtmlValue;
  /** Reason why nothing is counted now; undefined when counting. */
  readonly paused: string | undefined;
}

/** The clients that {@link liveFragment} shows. */
export function clientsLive({ summary, growth }: Pick<LiveHourState, "summary" | "growth">): readonly ClientUsage[] {
  return byRate(summary.clients, growth?.clients, liveRows);
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
    return html`${state}${emptyState("Nothing in this hour yet", view.whenEmpty)}
      <div class="panels">${interfacePanel(view.interfaces)}</div>`;
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
      ${panel("Clients", clientTable(view))} ${interfacePanel(view.interfaces)}
      ${panel("Applications", nameTable(view, "application"))} ${panel("Hosts", nameTable(view, "host"))}
    </div>`;
}

function panel(title: string, content: Html): Html {
  return html`<section class="panel">
    <h2>${title}</h2>
    ${content}
  </section>`;
}

function rate(bytes: number, ms: number): string {
  return formatBitRate(ms <= 0 ? 0 : (bytes * 8000) / ms);
}

/** `bytes` undefined: not known yet. */
function rateCell(bytes: number | undefined, ms: number | undefined): Html {
  const isKnown = bytes !== undefined && ms !== undefined;
  return html`<td class="number" data-bytes="${bytes ?? 0}">${isKnown ? rate(bytes, ms) : "…"}</td>`;
}

function clockTime(ms: number): string {
  const date = new Date(ms);
  return `${twoDigits(date.getHours())}:${twoDigits(date.getMinutes())}:${twoDigits(date.getSeconds())}`;
}

function clientTable(view: LiveView): Html {
  const { base, day, hour, names, growth } = view;
  const rows = clientsLive(view).map((usage) => {
    const { id } = usage;
    const { label, note } = clientText(usage, names);
    return html`<tr>
      <th scope="row" class="name">
        <a href="${dayUrl(base, day, { client: id, hour })}"><bdi>${label}</bdi></a
        >${note !== undefined && html` <small><bdi>${note}</bdi></small>`}
      </th>
      ${rateCell(growth && (growth.clients.get(id) ?? 0), growth?.ms)} ${trafficCell(usage)}
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

const listsOfNames = {
  application: { id: "live-applications", what: "Application", grown: "applications" },
  host: { id: "live-hosts", what: "Host", grown: "hosts" },
} as const;

function nameTable({ base, day, hour, summary, growth }: LiveView, section: keyof typeof listsOfNames): Html {
  const { id, what, grown } = listsOfNames[section];
  const rows = byRate(summary.sections?.[section] ?? [], growth?.[grown], liveRows).map(
    (usage) =>
      html`<tr>
        <th scope="row" class="name">
          <a href="${dayUrl(base, day, { section, value: usage.id, hour })}"
            ><bdi>${labelOf(section, usage.id)}</bdi></a
          >
        </th>
        ${rateCell(growth && (growth[grown].get(usage.id) ?? 0), growth?.ms)} ${trafficCell(usage)}
      </tr>`,
  );
  return dataTable({
    id,
    caption: `${what}s in this hour`,
    columns: [
      [what, "name"],
      ["Rate", "number"],
      ["Traffic", "number"],
    ],
    rows,
  });
}

/** Nothing on a machine without network devices. */
function interfacePanel({ interfaces, ms }: InterfaceState): Html | false {
  if (interfaces.length === 0) return false;
  const rows = interfaces.map((one) => {
    const title = interfaceTitle(one);
    const note = [
      one.zone !== undefined && one.zone !== title && `zone ${one.zone}`,
      one.device !== title && one.device,
    ]
      .filter((part) => part !== false)
      .join(", ");
    return html`<tr>
      <th scope="row" class="name"><bdi>${title}</bdi>${note !== "" && html` <small><bdi>(${note})</bdi></small>`}</th>
      ${rateCell(one.growth?.received, ms)} ${rateCell(one.growth?.sent, ms)}
    </tr>`;
  });
  const table = dataTable({
    id: "live-interfaces",
    caption: "Interfaces of the firewall",
    columns: [
      ["Interface", "name"],
      ["Received", "number"],
      ["Sent", "number"],
    ],
    rows,
  });
  return panel(
    "Interfaces",
    html`${table}
      <p class="exports">All packets, as the kernel counts them.</p>`,
  );
}
