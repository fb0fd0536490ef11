/** Months with their traffic, newest first; instructions when there are no reports yet. Pure. */
import { formatBytes } from "@nethsec/host/units";
import type { SeenStatus } from "../store/daemon-status.ts";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { nextStep } from "../query/next-step.ts";
import { totalTraffic } from "../query/traffic.ts";
import { longDay, monthName } from "../store/report-day.ts";
import { barChart } from "./bar-chart.ts";
import { dataTable } from "./data-table.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import { emptyState, figures, type Page } from "./page.ts";
import { type Checked, percentText } from "../quota/quota-check.ts";
import { dayUrl, monthUrl, rangeScope, scopeUrl } from "./report-url.ts";
import { rowBar } from "./usage-table.ts";
import { trafficCell } from "./traffic-cell.ts";

export interface MonthTotal {
  readonly year: number;
  readonly month: number;
  /** Days with reports. */
  readonly days: number;
  /** Bytes of the days added up so far. */
  readonly total: number;
  /** The bytes of `total` that are known to have gone to the clients, and from them. */
  readonly download: number;
  readonly upload: number;
  /** False while days are still being added up. */
  readonly complete: boolean;
}

export interface HomeView {
  readonly base: string;
  /** Oldest first. */
  readonly months: readonly MonthTotal[];
  readonly latest: Day | undefined;
  readonly reportPath: string;
  readonly daemon: SeenStatus | undefined;
  readonly quotas: Checked;
}

/** Shown in place of a sum that is not complete: a partial sum would be mistaken for the whole. */
const addingUp = "adding up …";

export function homePage(view: HomeView): Page {
  const { latest } = view;
  const body =
    latest === undefined
      ? noReports(view)
      : html`<h1>Traffic by month</h1>
          ${overview(view, latest)}${monthTable(view)}${view.quotas.uses.length > 0 && quotaTable(view)}`;
  return { title: "Traffic reports", crumbs: [], body };
}

function overview(view: HomeView, latest: Day): Html {
  const recent = view.months.slice(-12);
  const bars = recent.map(({ year, month, total, complete }) => ({
    tick: monthName(month).slice(0, 3),
    label: `${monthName(month)} ${year}`,
    bytes: total,
    ...(complete ? {} : { unknown: addingUp }),
    href: monthUrl(view.base, year, month),
  }));
  return html`${figures([
    { name: "Days with reports", value: view.months.reduce((sum, month) => sum + month.days, 0) },
    { name: "Latest", value: html`<a href="${dayUrl(view.base, latest)}">${longDay(latest)}</a>` },
  ])}
  ${recent.length > 1 && barChart("Traffic by month", bars, 2)}`;
}

function monthTable(view: HomeView): Html {
  const rows = view.months.toReversed().map(
    (month) =>
      html`<tr>
        <th scope="row" class="name">
          <a href="${monthUrl(view.base, month.year, month.month)}"
            ><time datetime="${month.year}-${twoDigits(month.month)}">${monthName(month.month)} ${month.year}</time></a
          >
        </th>
        <td class="number" data-bytes="${month.days}">${month.days}</td>
        ${month.complete ? trafficCell(totalTraffic(month)) : html`<td class="number" data-bytes="${month.total}">${addingUp}</td>`}
      </tr>`,
  );
  return html`${dataTable({
      caption: "Months with reports",
      columns: [
        ["Month", "name"],
        ["Days", "number"],
        ["Traffic", "number"],
      ],
      rows,
      complete: true,
    })}
    <p class="exports">All days: <a href="${view.base}/days.csv">CSV</a> <a href="${view.base}/days.json">JSON</a></p>`;
}

function quotaTable({ base, quotas }: HomeView): Html {
  const rows = quotas.uses.map(
    (use) =>
      html`<tr>
        <th scope="row" class="name">
          <a href="${scopeUrl(base, rangeScope(use.range))}"><bdi>${use.title}</bdi></a>
          <small>since ${use.since}</small>
        </th>
        <td class="number" data-bytes="${use.used}">${formatBytes(use.used)}</td>
        <td class="number" data-bytes="${use.bytes}">${formatBytes(use.bytes)}</td>
        <td class="share">${rowBar(Math.min(use.used, use.bytes), use.bytes)}<span>${percentText(use)}</span></td>
      </tr>`,
  );
  return html`<h2>Quotas</h2>
    ${dataTable({
      caption: "Quotas of this cycle",
      columns: [
        ["Quota", "name"],
        ["Used", "number"],
        ["Of", "number"],
        ["Share", "number"],
      ],
      rows,
      id: "quotas",
    })}`;
}

function noReports(view: HomeView): Html {
  return html`<h1>No reports yet</h1>
    ${emptyState("Nothing has been written so far", whatToDo(view))}`;
}

/** The next step for the user of an empty page, derived from the daemon's status. */
export function whatToDo({ daemon, reportPath }: Pick<HomeView, "daemon" | "reportPath">, follows = false): HtmlValue {
  const { text, command } = nextStep(daemon, reportPath, follows);
  return html`${text}${command !== undefined && html` <code>${command}</code>`}`;
}
