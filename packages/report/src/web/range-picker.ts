/** Links to the usual ranges, and a form for any other: by keyboard and without script. Pure. */
import type { Narrow } from "../query/narrow.ts";
import type { DayRange } from "../store/read-range.ts";
import { formatDay } from "../store/report-day.ts";
import { html, type Html } from "./html.ts";
import { narrowFields, rangeScope, scopeUrl } from "./report-url.ts";

const usual = [
  ["today", "Today"],
  ["yesterday", "Yesterday"],
  ["this-week", "This week"],
  ["last-week", "Last week"],
  ["last-7-days", "7 days"],
  ["this-month", "This month"],
  ["last-month", "Last month"],
  ["last-30-days", "30 days"],
  ["last-365-days", "365 days"],
] as const;

/** `key`: the range that is shown, undefined for one without links. `range`: its days, which the form begins with. */
export function rangePicker(base: string, narrow: Narrow, key: string | undefined, range: DayRange): Html {
  const keep = html`${Object.entries(narrowFields(narrow)).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}`;
  return html`<nav class="ranges" aria-label="Ranges">
      <ul>
        ${usual.map(([word, title]) => html`<li><a href="${scopeUrl(base, rangeScope(word), narrow)}" ${word === key && html` aria-current="page"`}>${title}</a></li>`)}
      </ul>
    </nav>
    <details class="picker">
      <summary>Other range</summary>
      <form action="${base}/range">
        ${keep}
        <label>From <input type="date" name="from" value="${formatDay(range.from)}" required /></label>
        <label>to <input type="date" name="to" value="${formatDay(range.to)}" required /></label>
        <button>Show</button>
      </form>
      <form action="${base}/range">
        ${keep}
        <label>Billing cycle from day <input type="number" name="cycle" min="1" max="28" value="1" required /></label>
        <button name="which" value="this">This one</button>
        <button name="which" value="last">Last one</button>
      </form>
    </details>`;
}
