/** A whole list of a day or a range, with search, sorting and paging by plain links and one form. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { labelOf } from "../query/labels.ts";
import { clientText, type ClientUsage } from "../query/client-rows.ts";
import { html, type Html } from "./html.ts";
import { chips } from "./narrowed.ts";
import type { Crumb, Page } from "./page.ts";
import { sectionOfList, type ListName } from "../query/export-rows.ts";
import { listUrl, narrowFields, scopeUrl, type ListView } from "./report-url.ts";
import { listTitles, usageRows, type Scoped } from "./usage-panels.ts";
import { usageTable } from "./usage-table.ts";

const rowsPerPage = 200;

export interface ListPageView extends Scoped {
  /** "Sunday 22 November 2026", "Last 30 days". */
  readonly scopeTitle: string;
  /** Above the report that the list is a part of. */
  readonly crumbs: readonly Crumb[];
  readonly list: ListName;
  readonly view: ListView;
  /** All of them, largest first. */
  readonly usages: readonly ClientUsage[];
  /** Bytes that are 100%. */
  readonly total: number;
}

/** The entries that match the search, in the requested order. */
export function listed({
  list,
  view,
  usages,
  names,
}: Pick<ListPageView, "list" | "view" | "usages" | "names">): readonly ClientUsage[] {
  const section = sectionOfList[list];
  const label = (usage: ClientUsage): string =>
    section === undefined ? clientText(usage, names).label : labelOf(section, usage.id);
  const texts = (usage: ClientUsage): string[] => [
    usage.id,
    label(usage),
    ...(usage.addresses ?? []).map((address) => address.id),
  ];
  const wanted = (view.search ?? "").trim().toLowerCase();
  const found =
    wanted === "" ? usages : usages.filter((usage) => texts(usage).some((text) => text.toLowerCase().includes(wanted)));
  if (view.sort !== "name") return found;
  const keyed = found.map((usage) => ({ usage, key: label(usage).toLowerCase() }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ usage }) => usage);
}

export function listPage(page: ListPageView): Page {
  const { base, scope, scopeTitle, narrow, list, view, total } = page;
  const { title, one } = listTitles[list];
  const found = listed(page);
  const pages = Math.max(1, Math.ceil(found.length / rowsPerPage));
  const number = Math.min(view.page ?? 1, pages);
  const rows = found.slice((number - 1) * rowsPerPage, number * rowsPerPage);
  const table = usageTable({
    caption: `${title}, ${scopeTitle}`,
    what: one,
    rows: usageRows(page, list, rows),
    total,
    largest: page.usages[0]?.bytes ?? 0,
    sort: view.sort ?? "traffic",
    sortUrl: (sort) => listUrl(base, scope, list, narrow, { ...view, sort, page: 1 }),
    complete: pages === 1,
  });
  return {
    title,
    crumbs: [...page.crumbs, { title: scopeTitle, href: scopeUrl(base, scope, narrow) }],
    body: html`<h1>${title}</h1>
      ${chips(page, (rest) => listUrl(base, scope, list, rest, { ...view, page: 1 }))}
      <p class="quiet">
        <span data-shown>${found.length}</span> of ${page.usages.length}<span data-all-shown
          >, ${formatBytes(found.reduce((sum, usage) => sum + usage.bytes, 0))}</span
        >
        · ${scopeTitle}
      </p>
      ${searchForm(page)}
      ${found.length === 0 ? html`<p>Nothing matches. <a href="${listUrl(base, scope, list, narrow)}">Show all</a>.</p>` : table}
      ${pages > 1 && pageLinks(page, number, pages)}
      <p class="exports">
        <a href="${listUrl(base, scope, list, narrow, { ...view, page: 1 }, ".csv")}">CSV</a>
        <a href="${listUrl(base, scope, list, narrow, { ...view, page: 1 }, ".json")}">JSON</a>
      </p>`,
  };
}

function searchForm({ base, scope, narrow, list, view }: ListPageView): Html {
  const keep = { ...narrowFields(narrow), ...(view.sort === "name" ? { sort: "name" } : {}) };
  return html`<form class="search" role="search" action="${listUrl(base, scope, list, {})}">
    ${Object.entries(keep).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <label
      >Search <input type="search" name="q" value="${view.search ?? ""}" maxlength="256" autocomplete="off" data-filter
    /></label>
    <button>Search</button>
  </form>`;
}

function pageLinks({ base, scope, narrow, list, view }: ListPageView, number: number, pages: number): Html {
  const link = (to: number, text: string, rel: string): Html | false =>
    to >= 1 &&
    to <= pages &&
    html`<a rel="${rel}" href="${listUrl(base, scope, list, narrow, { ...view, page: to })}">${text}</a>`;
  return html`<nav class="pages" aria-label="Pages">
    ${link(number - 1, "← Before", "prev")}<span>Page ${number} of ${pages}</span>${link(number + 1, "After →", "next")}
  </nav>`;
}
