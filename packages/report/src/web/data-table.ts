/** The frame of a table of figures: caption for assistive technology, headings, rows. Pure. */
import { html, type Html, type HtmlValue } from "./html.ts";

export interface DataTable {
  /** Read out, not shown. */
  readonly caption: HtmlValue;
  /** Headings of columns of text ("name") and of figures ("number"); without a title, the column has no heading. */
  readonly columns: readonly (readonly [title: string, kind: "name" | "number"])[];
  /** `<tr>` elements. */
  readonly rows: readonly Html[];
  readonly id?: string;
  /** No row is left out, so the script may sort the table by any column. */
  readonly complete?: boolean;
}

export function dataTable({ caption, columns, rows, id, complete = false }: DataTable): Html {
  const headings = columns.map(([title, kind]) =>
    title === "" ? html`<td></td>` : html`<th scope="col" class="${kind}">${title}</th>`,
  );
  return html`<table${id !== undefined && html` id="${id}"`}${complete && html` data-complete`}>
    <caption class="hidden">${caption}</caption>
    <thead><tr>${headings}</tr></thead>
    <tbody>${rows}</tbody>
  </table>`;
}
