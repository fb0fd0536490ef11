/** A range of days as HTML for a mail: styles in the elements and no pictures, since mail programs leave out the rest; prints on A4. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { comparison, withoutName, withoutNameLabel } from "../query/compare.ts";
import type { AskedRange } from "../query/asked-range.ts";
import { usagesIn, type ListName } from "../query/export-rows.ts";
import { clientText } from "../query/client-rows.ts";
import { labelOf } from "../query/labels.ts";
import { percent } from "../query/percent.ts";
import type { RangeSummary } from "../query/range-summary.ts";
import { sectionOfList } from "../query/export-rows.ts";
import { html, type Html } from "../web/html.ts";

export interface MailView {
  readonly hostname: string;
  readonly range: AskedRange;
  readonly summary: RangeSummary;
  /** Of `range.before`. */
  readonly before: RangeSummary;
  readonly names: ReadonlyMap<string, string>;
}

const lists: readonly (readonly [ListName, string])[] = [
  ["clients", "Clients"],
  ["applications", "Applications"],
  ["protocols", "Protocols"],
  ["hosts", "Remote hosts"],
];
const rowsShown = 15;
const cell = "padding:3px 8px;border-bottom:1px solid #ddd";

export function mailPage(view: MailView): string {
  const { hostname, range, summary, before } = view;
  const title = `${range.title} · ${hostname}`;
  const change = comparison(summary.total, before);
  const page = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <title>${title}</title>
    </head>
    <body style="margin:0;padding:16px;max-width:42em;font:15px/1.4 sans-serif;color:#222;background:#fff">
      <h1 style="font-size:20px;margin:0 0 4px">Traffic of ${hostname}: ${range.title}</h1>
      <p style="margin:0 0 16px">
        <strong>${formatBytes(summary.total)}</strong>${change !== undefined && html`, ${change}`};
        ${summary.clients.length} clients${summary.recordedDays === 0 && html`; nothing was recorded`}.
      </p>
      ${lists.map(([list, heading]) => listTable(view, list, heading))}
    </body>
  </html>`;
  return `<!doctype html>\n${page.markup}`;
}

function listTable({ summary, names }: MailView, list: ListName, heading: string): Html | undefined {
  const usages = usagesIn(summary, list);
  if (usages.length === 0) return undefined;
  const section = sectionOfList[list];
  const nameless = list === "hosts" ? withoutName(summary.total, usages) : 0;
  const rows = [
    ...usages.slice(0, rowsShown).map((usage) => ({
      note: "",
      ...(section === undefined ? clientText(usage, names) : { label: labelOf(section, usage.id) }),
      bytes: usage.bytes,
    })),
    ...(nameless > 0 ? [{ label: withoutNameLabel, note: "", bytes: nameless }] : []),
  ];
  return html`<h2 style="font-size:16px;margin:16px 0 4px">${heading}</h2>
    <table style="border-collapse:collapse;width:100%;page-break-inside:auto">
      ${rows.map(
        ({ label, note, bytes }) =>
          html`<tr style="page-break-inside:avoid">
            <td style="${cell};word-break:break-all">
              ${label}${note !== "" && html` <span style="color:#666">${note}</span>`}
            </td>
            <td style="${cell};text-align:right;white-space:nowrap">${formatBytes(bytes)}</td>
            <td style="${cell};text-align:right;white-space:nowrap;color:#666">
              ${percent(summary.total === 0 ? 0 : (bytes / summary.total) * 100)}
            </td>
          </tr>`,
      )}
    </table>
    ${usages.length > rowsShown && html`<p style="margin:4px 8px;color:#666">and ${usages.length - rowsShown} more</p>`}`;
}
