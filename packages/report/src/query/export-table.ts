/** Tables for other programs: CSV that a spreadsheet opens without executing any of it. Pure. */

export interface ExportTable {
  readonly columns: readonly string[];
  /** null: not known; an empty cell. */
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/**
 * RFC 4180: comma, CRLF, quotes doubled. A text cell that a spreadsheet would interpret as a formula (it begins with = + - @, a tab or a line break)
 * gets a leading apostrophe; control characters are dropped.
 */
export function csvText(table: ExportTable): string {
  return [table.columns, ...table.rows].map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const guarded = /^\s*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value;
  const clean = guarded.replace(/[\u0000-\u001f\u007f]/g, "");
  return /[",;']|^\s|\s$/.test(clean) ? `"${clean.replaceAll('"', '""')}"` : clean;
}
