/** Search over the history: which clients visited a host, or used an application, and when. Pure. */
import { shortDay, type AskedRange } from "../query/asked-range.ts";
import { labelOf } from "../query/labels.ts";
import { shortestSearch, type Found, type FoundAll } from "../query/search.ts";
import { formatDay } from "../store/report-day.ts";
import { dataTable } from "./data-table.ts";
import { trafficCell } from "./traffic-cell.ts";
import { html, type Html } from "./html.ts";
import { emptyState, type Page } from "./page.ts";
import { rangeScope, scopeUrl, searchUrl } from "./report-url.ts";

/** Rows on the page; exports have all. */
export const mostRows = 200;

export interface SearchView extends FoundAll {
  readonly base: string;
  readonly text: string;
  readonly range: AskedRange;
  readonly names: ReadonlyMap<string, string>;
}

const ranges = [
  ["last-30-days", "last 30 days"],
  ["last-365-days", "last 365 days"],
  ["last-3660-days", "everything"],
] as const;

export function searchPage(view: SearchView): Page {
  const { base, text, range, found, isCut } = view;
  const isAsked = text.length >= shortestSearch;
  const result = !isAsked
    ? html`<p class="quiet">
        Give at least ${shortestSearch} characters of the name of a host, an application or a protocol.
      </p>`
    : found.length === 0
      ? emptyState("Nothing found", html`No name contains “${text}” (${range.title}).`)
      : html`<p class="quiet">
            ${found.length > mostRows ? `The latest ${mostRows} of ` : ""}${isCut ? "more than " : ""}${found.length} ·
            ${range.title}
          </p>
          ${foundTable(view)}
          <p class="exports">
            <a href="${searchUrl(base, text, range.key, ".csv")}">CSV</a>
            <a href="${searchUrl(base, text, range.key, ".json")}">JSON</a>
          </p>`;
  return {
    title: "Search",
    crumbs: [{ title: "Months", href: `${base}/` }],
    body: html`<h1>Who visited it, and when?</h1>
      <form class="search" role="search" action="${base}/search">
        <label
          >Search
          <input
            type="search"
            name="q"
            value="${text}"
            minlength="${shortestSearch}"
            maxlength="256"
            autocomplete="off"
          />
        </label>
        <label
          >in
          <select name="range">
            ${ranges.map(([key, title]) => html`<option value="${key}" ${key === range.key && html` selected`}>${title}</option>`)}
          </select></label
        >
        <button>Search</button>
      </form>
      ${result}`,
  };
}

function foundTable({ base, range, found, names }: SearchView): Html {
  const rows = found.slice(0, mostRows).map((one) => foundRow(base, range, one, names));
  return dataTable({
    caption: "What was found, the latest first",
    columns: [
      ["Name", "name"],
      ["Client", "name"],
      ["When", "name"],
      ["Traffic", "number"],
    ],
    rows,
    complete: true,
  });
}

function foundRow(base: string, range: AskedRange, one: Found, names: ReadonlyMap<string, string>): Html {
  const { section, name, client, first, last, days } = one;
  const scope = rangeScope(range.key);
  const whenScope = rangeScope(`${formatDay(first)}..${formatDay(last)}`);
  const when = days === 1 ? shortDay(last) : `${shortDay(first)} to ${shortDay(last)}`;
  return html`<tr>
    <th scope="row" class="name">
      <a href="${scopeUrl(base, scope, { section, value: name })}"><bdi>${labelOf(section, name)}</bdi></a>
      ${section !== "host" && html`<small>${section}</small>`}
    </th>
    <td class="name">
      <a href="${scopeUrl(base, scope, { client, section, value: name })}"
        ><bdi>${names.get(client) ?? one.address}</bdi></a
      >
    </td>
    <td class="name">
      <a href="${scopeUrl(base, whenScope, { client, section, value: name })}">${when}</a>
      ${days > 1 && html`<small>${days} days</small>`}
    </td>
    ${trafficCell(one)}
  </tr>`;
}
