/** A table of names and traffic, largest first or by name; the share of each as a bar. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { percent } from "../query/percent.ts";
import type { SortBy } from "./report-url.ts";
import type { Traffic } from "../query/traffic.ts";
import { html, type Html } from "./html.ts";
import { trafficCell } from "./traffic-cell.ts";

export interface UsageRow extends Traffic {
  readonly label: string;
  /** A secondary, muted text: an address, an identifier. */
  readonly note?: string;
  /** Link target of the name; without one it is plain text. */
  readonly href?: string;
  /** What the row is the sum of; shown when it is opened. */
  readonly parts?: readonly UsageRow[];
}

export interface UsageTable {
  /** For screen readers; the heading above says the same. */
  readonly caption: string;
  /** Title of the first column. */
  readonly what: string;
  readonly rows: readonly UsageRow[];
  /** Bytes that are 100%. */
  readonly total: number;
  /** Bytes of a full-length bar: the largest row of the whole list. */
  readonly largest: number;
  /** Without it: by traffic. */
  readonly sort?: SortBy;
  /** URL of the list in another order, which works without the script; without it there is no other order. */
  readonly sortUrl?: (sort: SortBy) => string;
  /** Whether the table contains the whole list: the script may sort it in place. */
  readonly complete: boolean;
}

export function usageTable(table: UsageTable): Html {
  const heading = (sort: SortBy, title: string, kind: string): Html => {
    const order = (table.sort ?? "traffic") === sort && (sort === "name" ? "ascending" : "descending");
    const url = table.sortUrl?.(sort);
    return html`<th scope="col" class="${kind}" ${order !== false && html` aria-sort="${order}"`}>
      ${url === undefined ? title : html`<a href="${url}" data-sort="${sort}">${title}</a>`}
    </th>`;
  };
  return html`<table${table.complete && html` data-complete`}>
    <caption class="hidden">${table.caption}</caption>
    <thead><tr>${heading("name", table.what, "name")}${heading("traffic", "Traffic", "number")}<th scope="col" class="number">Share</th></tr></thead>
    <tbody>${table.rows.map((row) => usageRow(row, table.total, table.largest))}</tbody>
  </table>`;
}

function usageRow(row: UsageRow, total: number, largest: number): Html {
  const label = html`<bdi>${row.label}</bdi>`;
  const name = row.href === undefined ? label : html`<a href="${row.href}">${label}</a>`;
  return html`<tr>
    <th scope="row" class="name">
      ${name}${row.note !== undefined && html` <small><bdi>${row.note}</bdi></small>`}${partList(row.parts)}
    </th>
    ${trafficCell(row)}
    <td class="share">
      ${rowBar(row.bytes, largest)}<span>${percent(total === 0 ? 0 : (row.bytes / total) * 100)}</span>
    </td>
  </tr>`;
}

function partList(parts: readonly UsageRow[] | undefined): Html | false {
  if (parts === undefined) return false;
  const entry = ({ label, href, bytes }: UsageRow): Html =>
    html`<li>
      ${href === undefined ? html`<bdi>${label}</bdi>` : html`<a href="${href}"><bdi>${label}</bdi></a>`}
      ${formatBytes(bytes)}
    </li>`;
  return html`<details class="parts">
    <summary>${parts.length} addresses</summary>
    <ul>
      ${parts.map(entry)}
    </ul>
  </details>`;
}

/** A bar in a row, its length relative to the largest row. */
export function rowBar(bytes: number, largest: number): Html {
  const length = largest === 0 ? 0 : (bytes / largest) * 100;
  return html`<svg viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
    <rect width="${length.toFixed(2)}" height="1" />
  </svg>`;
}
