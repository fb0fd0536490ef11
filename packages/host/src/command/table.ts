/** Aligned columns for terminals; values may be untrusted. Pure: text in, text out. */
import { visibleCell } from "./visible-text.ts";

export interface Column {
  readonly title: string;
  /** Default "left". */
  readonly align?: "left" | "right";
}

/** Lines without a trailing newline; columns two spaces apart, no trailing blanks; widths count terminal cells (wide and combining characters included). */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  options: { readonly color: boolean },
): string {
  const widths = columns.map((column, index) =>
    Math.max(cells(column.title), ...rows.map((row) => cells(visibleCell(row[index] ?? "")))),
  );
  const line = (values: readonly string[]): string =>
    columns
      .map((column, index) => {
        const value = visibleCell(values[index] ?? "");
        const pad = " ".repeat((widths[index] ?? 0) - cells(value));
        return column.align === "right" ? pad + value : value + pad;
      })
      .join("  ")
      .trimEnd();
  const title = line(columns.map((column) => column.title));
  return [options.color ? `\u001b[1m${title}\u001b[0m` : title, ...rows.map(line)].join("\n");
}

/** Number of terminal cells of `text`; colour sequences take none. */
export function cells(text: string): number {
  return Bun.stringWidth(text);
}
