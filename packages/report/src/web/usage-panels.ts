/** The lists of a report side by side: clients, applications, protocols and hosts, of a day or of a range. Pure. */
import type { Categories } from "../names/categories.ts";
import { withoutNameLabel } from "../query/compare.ts";
import { listNames, sectionOfList, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import type { Narrow, Summary } from "../query/summary.ts";
import { totalTraffic, trafficWithout, type Usage } from "../query/traffic.ts";
import { categoryPanel } from "./category-panel.ts";
import { html, type Html } from "./html.ts";
import { listUrl, scopeUrl } from "./report-url.ts";
import { usageTable, type UsageRow } from "./usage-table.ts";

/** Rows of each list; a link leads to the whole list. */
export const topRows = 10;

/** What the links of a report keep. */
export interface Scoped {
  readonly base: string;
  /** "2026-11-22", "range/last-30-days". */
  readonly scope: string;
  readonly narrow: Narrow;
  /** Names by address, for the clients that have one. */
  readonly names: ReadonlyMap<string, string>;
  /** Of applications; undefined: not known here. */
  readonly categories?: Categories | undefined;
}

type Lists = Pick<Summary, "total" | "download" | "upload" | "clients" | "sections">;

export const listTitles: Readonly<Record<ListName, { readonly title: string; readonly one: string }>> = {
  clients: { title: "Clients", one: "Client" },
  applications: { title: "Applications", one: "Application" },
  protocols: { title: "Protocols", one: "Protocol" },
  hosts: { title: "Remote hosts", one: "Remote host" },
};

/** undefined when the narrowing leaves nothing to list: one client, or names of an application. */
export function usagesOf(summary: Lists, narrow: Narrow, list: ListName): readonly Usage[] | undefined {
  const section = sectionOfList[list];
  if (section !== undefined) return summary.sections?.[section];
  return narrow.client === undefined ? summary.clients : undefined;
}

export function usageRows(view: Scoped, list: ListName, usages: readonly Usage[]): UsageRow[] {
  const { base, scope, narrow, names } = view;
  const section = sectionOfList[list];
  return usages.map((usage) => {
    const { id } = usage;
    if (section !== undefined)
      return { ...usage, label: labelOf(section, id), href: scopeUrl(base, scope, { ...narrow, section, value: id }) };
    const name = names.get(id);
    return {
      ...usage,
      label: name ?? id,
      href: scopeUrl(base, scope, { ...narrow, client: id }),
      ...(name === undefined ? {} : { note: id }),
    };
  });
}

/** The first rows of each list, with links to the whole of it. */
export function usagePanels(view: Scoped & { readonly summary: Lists }): Html {
  return html`<div class="panels">${listNames.map((list) => panel(view, list))}${categoryPanel(view)}</div>`;
}

function panel(view: Scoped & { readonly summary: Lists }, list: ListName): Html | false {
  const { base, scope, narrow, summary } = view;
  const usages = usagesOf(summary, narrow, list);
  if (usages === undefined) return false;
  const { title, one } = listTitles[list];
  const top = usages.slice(0, topRows);
  const rest = list === "hosts" ? trafficWithout(totalTraffic(summary), usages) : undefined;
  const nameless = rest?.bytes ?? 0;
  const table = usageTable({
    caption: `${title}, largest first`,
    what: one,
    rows: [
      ...usageRows(view, list, top),
      ...(rest !== undefined && nameless > 0 ? [{ ...rest, label: withoutNameLabel }] : []),
    ],
    total: summary.total,
    largest: Math.max(usages[0]?.bytes ?? 0, nameless),
    sort: "traffic",
    sortUrl: (sort) => listUrl(base, scope, list, narrow, { sort }),
    complete: usages.length <= topRows,
  });
  return html`<section class="panel" id="${list}">
    <h2>${title}</h2>
    ${usages.length === 0 && nameless === 0 ? html`<p class="quiet">None.</p>` : table}
    <p class="exports">
      ${usages.length > topRows && html`<a class="all" href="${listUrl(base, scope, list, narrow)}">All ${usages.length} ${title.toLowerCase()}</a>`}
      <a href="${listUrl(base, scope, list, narrow, {}, ".csv")}"
        >CSV<span class="hidden"> of ${title.toLowerCase()}</span></a
      >
      <a href="${listUrl(base, scope, list, narrow, {}, ".json")}"
        >JSON<span class="hidden"> of ${title.toLowerCase()}</span></a
      >
    </p>
  </section>`;
}
