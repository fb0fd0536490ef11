/** The lists of a report side by side: clients, applications, protocols and hosts, of a day or of a range. Pure. */
import type { Categories } from "../names/categories.ts";
import { withoutNameLabel } from "../query/compare.ts";
import { listNames, sectionOfList, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import { clientText, groupUsages, type ClientUsage } from "../query/client-rows.ts";
import type { ClientGroup } from "../groups/client-groups.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import { totalTraffic, trafficWithout } from "../query/traffic.ts";
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
export function usagesOf(summary: Lists, narrow: Narrow, list: ListName): readonly ClientUsage[] | undefined {
  const section = sectionOfList[list];
  if (section !== undefined) return summary.sections?.[section];
  return narrow.client === undefined ? summary.clients : undefined;
}

export function usageRows(view: Scoped, list: ListName, usages: readonly ClientUsage[]): UsageRow[] {
  const { base, scope, narrow, names } = view;
  const section = sectionOfList[list];
  return usages.map((usage) => {
    const { id } = usage;
    if (section !== undefined)
      return { ...usage, label: labelOf(section, id), href: scopeUrl(base, scope, { ...narrow, section, value: id }) };
    const href = scopeUrl(base, scope, { ...narrow, client: id });
    const addresses = addressRows(view, usage);
    return { ...usage, ...clientText(usage, names), href, ...(addresses.length > 1 ? { parts: addresses } : {}) };
  });
}

/** The addresses of a device. */
function addressRows({ base, scope, narrow }: Scoped, { addresses }: ClientUsage): UsageRow[] {
  return (addresses ?? []).map((usage) => ({
    ...usage,
    label: usage.id,
    href: scopeUrl(base, scope, { ...narrow, client: usage.id }),
  }));
}

export interface PanelsView extends Scoped {
  readonly summary: Lists;
  readonly groups: readonly ClientGroup[];
}

/** The clients whose names the panels show. */
export function shownClients(summary: Lists, { client }: Narrow): readonly ClientUsage[] {
  return client === undefined ? summary.clients.slice(0, topRows) : summary.clients;
}

/** The first rows of each list, with links to the whole of it. */
export function usagePanels(view: PanelsView): Html {
  return html`<div class="panels">
    ${addressPanel(view)}${listNames.map((list) => panel(view, list))}${categoryPanel(view)}${groupPanel(view)}
  </div>`;
}

/** Groups overlap and leave clients out, so their shares do not add up to 100%. */
function groupPanel(view: PanelsView): Html | false {
  const { base, scope, narrow, summary, groups } = view;
  if (narrow.client !== undefined || narrow.group !== undefined) return false;
  const rows = groupUsages(summary.clients, groups).flatMap((usage) => {
    const group = groups.find(({ name }) => name === usage.id);
    return group === undefined
      ? []
      : [{ ...usage, label: group.title, href: scopeUrl(base, scope, { ...narrow, group }) }];
  });
  return rows.length > 0 && smallPanel("groups", "Groups", "Group", rows, summary.total);
}

/** Of a device that the report is narrowed to. */
function addressPanel(view: PanelsView): Html | false {
  const { narrow, summary } = view;
  const [row] = summary.clients;
  if (narrow.client === undefined || row === undefined) return false;
  const rows = addressRows(view, row);
  return rows.length > 0 && smallPanel("addresses", "Addresses", "Address", rows, summary.total);
}

function smallPanel(id: string, title: string, what: string, rows: readonly UsageRow[], total: number): Html {
  const largest = rows[0]?.bytes ?? 0;
  return html`<section class="panel" id="${id}">
    <h2>${title}</h2>
    ${usageTable({ caption: `${title}, largest first`, what, rows, total, largest, complete: true })}
  </section>`;
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
