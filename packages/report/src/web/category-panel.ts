/** The categories of a report's applications beside its other lists. Pure. */
import type { Categories } from "../names/categories.ts";
import { categoryUsages, type CategoryUsage } from "../query/category-usage.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import { percent } from "../query/percent.ts";
import { dataTable } from "./data-table.ts";
import { html, type Html } from "./html.ts";
import { categoriesUrl } from "./report-url.ts";
import { trafficCell } from "./traffic-cell.ts";
import { rowBar } from "./usage-table.ts";

/** Applications named in a row. */
const namedApplications = 3;

export interface CategoryPanel {
  readonly base: string;
  readonly scope: string;
  readonly narrow: Narrow;
  readonly summary: Pick<Summary, "total" | "sections">;
  readonly categories?: Categories | undefined;
}

/** Nothing where the DPI engine's categories are not known, or the report has no list of applications. */
export function categoryPanel({ base, scope, narrow, summary, categories }: CategoryPanel): Html | false {
  const usages = categoryUsages(summary.sections?.application, categories);
  if (usages.length === 0) return false;
  const largest = Math.max(...usages.map(({ bytes }) => bytes));
  const table = dataTable({
    caption: "Categories of applications, largest first",
    columns: [
      ["Category", "name"],
      ["Traffic", "number"],
      ["Share", "number"],
    ],
    rows: usages.map((usage) => row(usage, summary.total, largest)),
    complete: true,
  });
  return html`<section class="panel" id="categories">
    <h2>Categories</h2>
    ${table}
    <p class="exports">
      <a href="${categoriesUrl(base, scope, narrow, ".csv")}">CSV<span class="hidden"> of categories</span></a>
      <a href="${categoriesUrl(base, scope, narrow, ".json")}">JSON<span class="hidden"> of categories</span></a>
    </p>
  </section>`;
}

function row(usage: CategoryUsage, total: number, largest: number): Html {
  return html`<tr>
    <th scope="row" class="name">
      <bdi>${usage.label}</bdi> <small><bdi>${applicationsText(usage)}</bdi></small>
    </th>
    ${trafficCell(usage)}
    <td class="share">
      ${rowBar(usage.bytes, largest)}<span>${percent(total === 0 ? 0 : (usage.bytes / total) * 100)}</span>
    </td>
  </tr>`;
}

/** "Youtube, Netflix and 3 more". */
function applicationsText({ applications }: CategoryUsage): string {
  const named = applications.slice(0, namedApplications).join(", ");
  const more = applications.length - namedApplications;
  return more > 0 ? `${named} and ${more} more` : named;
}
