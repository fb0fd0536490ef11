/** One month: its days as bars and as a table. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { daysInMonth, formatDay, longDay, monthName, weekdayNames, weekdayOf } from "../store/report-day.ts";
import type { DayTotal } from "../store/report-store.ts";
import { totalTraffic, trafficOf } from "../query/traffic.ts";
import { barChart } from "./bar-chart.ts";
import { dataTable } from "./data-table.ts";
import { html, type Html } from "./html.ts";
import { emptyState, figures, type Page } from "./page.ts";
import { dayUrl, monthUrl, rangeScope, scopeUrl } from "./report-url.ts";
import { directionFigures, trafficCell } from "./traffic-cell.ts";
import { rowBar } from "./usage-table.ts";

export interface MonthView {
  readonly base: string;
  readonly year: number;
  readonly month: number;
  /** Days with reports, oldest first. */
  readonly days: readonly (DayTotal & { readonly day: Day })[];
  readonly previous: { readonly year: number; readonly month: number } | undefined;
  readonly next: { readonly year: number; readonly month: number } | undefined;
}

export function monthPage(view: MonthView): Page {
  const title = `${monthName(view.month)} ${view.year}`;
  const month = trafficOf(view.days.map(totalTraffic));
  const busiest = view.days.reduce<MonthView["days"][number] | undefined>(
    (top, day) => (top === undefined || day.total > top.total ? day : top),
    undefined,
  );
  const content =
    busiest === undefined
      ? emptyState("No reports in this month", html`Go to <a href="${view.base}/">the months that have some</a>.`)
      : html`${figures([
            { name: "Traffic", value: formatBytes(month.bytes) },
            ...directionFigures({ ...month, total: month.bytes }),
            { name: "Days", value: view.days.length },
            {
              name: "Busiest day",
              value: html`<a href="${dayUrl(view.base, busiest.day)}">${busiest.day.day} ${monthName(view.month)}</a>`,
              note: formatBytes(busiest.total),
            },
          ])}
          <p>
            <a class="all" href="${scopeUrl(view.base, rangeScope(`${view.year}-${twoDigits(view.month)}`))}"
              >Who used the line: clients, applications and hosts of ${title}</a
            >
          </p>
          ${barChart("Traffic by day", bars(view), 5)}${dayTable(view, busiest.total)}`;
  return {
    title,
    crumbs: [{ title: "Months", href: `${view.base}/` }],
    body: html`<div class="title">
        <h1>${title}</h1>
        ${turnPage(view)}
      </div>
      ${content}`,
  };
}

function turnPage(view: MonthView): Html {
  const link = (to: MonthView["next"], text: string, rel: string): Html | false =>
    to !== undefined &&
    html`<a rel="${rel}" href="${monthUrl(view.base, to.year, to.month)}"
      >${text} <span class="hidden">${monthName(to.month)} ${to.year}</span></a
    >`;
  return html`<nav class="turn" aria-label="Other months">
    ${link(view.previous, "← Earlier", "prev")}${link(view.next, "Later →", "next")}
  </nav>`;
}

function bars(view: MonthView): Parameters<typeof barChart>[1] {
  const byDay = new Map(view.days.map((day) => [day.day.day, day]));
  return Array.from({ length: daysInMonth(view.year, view.month) }, (_, index) => {
    const day = { year: view.year, month: view.month, day: index + 1 };
    const found = byDay.get(index + 1);
    return {
      tick: `${index + 1}`,
      label: longDay(day),
      bytes: found?.total ?? 0,
      ...(found === undefined ? {} : { href: dayUrl(view.base, day) }),
    };
  });
}

function dayTable(view: MonthView, largest: number): Html {
  const rows = view.days.toReversed().map(
    ({ day, clients, ...totals }) =>
      html`<tr>
        <th scope="row" class="name">
          <a href="${dayUrl(view.base, day)}"
            ><time datetime="${formatDay(day)}"
              >${weekdayNames[weekdayOf(day)]} ${day.day} ${monthName(day.month)}</time
            ></a
          >
        </th>
        <td class="number" data-bytes="${clients}">${clients}</td>
        ${trafficCell(totalTraffic(totals))}
        <td class="share wide">${rowBar(totals.total, largest)}</td>
      </tr>`,
  );
  const month = `${view.year}-${twoDigits(view.month)}`;
  return html`${dataTable({
      caption: `Days of ${monthName(view.month)} ${view.year}`,
      columns: [
        ["Day", "name"],
        ["Clients", "number"],
        ["Traffic", "number"],
        ["", "number"],
      ],
      rows,
      complete: true,
    })}
    <p class="exports">
      These days: <a href="${view.base}/${month}/days.csv">CSV</a> <a href="${view.base}/${month}/days.json">JSON</a>
    </p>`;
}
