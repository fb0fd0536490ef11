/** The queries of the controller's pages, from their recorded description (test-data/contracts/controller-dashboards.json). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "../services/controller/memory-reports.ts";
import { tables } from "../services/controller/tables.ts";

type Column =
  | string
  | {
      readonly column?: string;
      readonly as?: string;
      readonly taken_away?: string;
      readonly followed_by?: string;
      readonly rounded_down_to?: string;
      readonly sum_of?: readonly string[];
      readonly count_of?: string;
      readonly form?: string;
    };

export interface Panel {
  readonly dashboard: string;
  readonly title?: string;
  readonly panel?: number;
  readonly variable?: string;
  readonly table?: string;
  readonly columns: readonly Column[];
  readonly filters: readonly {
    readonly column: string | readonly string[];
    readonly is?: string;
    readonly value?: string | readonly string[];
    readonly within?: string;
  }[];
  readonly group_by?: readonly string[];
  readonly order_by?: string;
  readonly limit?: number;
  readonly observed_result?: readonly Row[];
}

interface Dashboards {
  readonly pushed: {
    readonly variables: Readonly<Record<string, string>>;
    readonly dumps: Readonly<Record<string, unknown>>;
  };
  readonly views: Readonly<
    Record<string, { readonly from: string; readonly columns: readonly string[]; readonly only_rows?: string }>
  >;
  readonly variables: readonly Panel[];
  readonly panels: readonly Panel[];
}

export function readDashboards(): Dashboards {
  return JSON.parse(
    readFileSync(join(import.meta.dir, "../../test-data/contracts/controller-dashboards.json"), "utf8"),
  );
}

/** All queries of the pages on the database of reports. */
export const queriedPanels = ({ panels, variables }: Dashboards): readonly Panel[] =>
  [...variables, ...panels].filter(({ table }) => table !== undefined);

export const nameOf = (panel: Panel): string =>
  `${panel.dashboard}: ${panel.variable === undefined ? `${panel.panel} ${panel.title ?? ""}` : `variable ${panel.variable}`}`;

/** The hourly aggregates, as plain views. */
export function viewStatements({ views }: Dashboards): string[] {
  return Object.entries(views).map(([name, { from, columns, only_rows }]) => {
    const sums = new Set(["bytes", "bytes_received", "bytes_sent"]);
    const selected = columns.map((column) => {
      if (column === "bucket") return "date_trunc('hour', time) AS bucket";
      if (column === "count") return "count(*) AS count";
      return sums.has(column) ? `sum(${column}) AS ${column}` : column;
    });
    const groups = columns.flatMap((column, index) =>
      column === "count" || sums.has(column) ? [] : [String(index + 1)],
    );
    const filled = only_rows?.replace(/ not empty$/, "").split(" and ") ?? [];
    const where = filled.length === 0 ? "" : `WHERE ${filled.map((column) => `${column} <> ''`).join(" AND ")}`;
    return `CREATE VIEW ${name} AS SELECT ${selected.join(", ")} FROM ${from} ${where} GROUP BY ${groups.join(", ")}`;
  });
}

function expression(column: Column, isGrouped: boolean): string {
  if (typeof column === "string") return column;
  const { sum_of, count_of, form } = column;
  const date = (sum: string): string => (form === undefined ? sum : `to_timestamp(${sum})`);
  if (count_of !== undefined) return "count(*)";
  if (sum_of !== undefined) return isGrouped ? `sum(${sum_of.join(" + ")})` : date(`(${sum_of.join(" + ")})`);
  const name = column.column ?? "";
  if (column.taken_away !== undefined) return `replace(${name}, '${column.taken_away}', '')`;
  if (column.followed_by !== undefined) return `${name} || ' (' || ${column.followed_by} || ')'`;
  if (column.rounded_down_to !== undefined)
    return `date_bin('${column.rounded_down_to}', ${name}, '2000-01-01 00:00:00+00')`;
  return date(name);
}

/** Name of a column in the result: PostgreSQL's default for a sum or count without an alias. */
function outputName(column: Column): string {
  if (typeof column === "string") return column;
  return (
    column.as ?? (column.count_of !== undefined ? "count" : column.sum_of !== undefined ? "sum" : (column.column ?? ""))
  );
}

/** SQL and parameters of a query; `variables`: selections on the page, `from` and `to`: its time range, ISO 8601. */
export function panelQuery(
  panel: Panel,
  variables: Readonly<Record<string, string>>,
  [from, to]: readonly [string, string],
): [query: string, values: string[]] {
  const values: string[] = [];
  const value = (text: string): string => {
    values.push(text.startsWith("$") ? (variables[text.slice(1)] ?? text) : text);
    return `$${values.length}::text`;
  };
  const isSum = (column: Column): boolean =>
    typeof column !== "string" && column.sum_of !== undefined && column.form === undefined;
  const isGrouped = panel.group_by !== undefined || panel.columns.some(isSum);
  const selected = panel.columns.map(
    (column) => `${expression(column, isGrouped && isSum(column))} AS "${outputName(column)}"`,
  );
  const filters = panel.filters.map(({ column, is = "=", value: wanted = "", within }) => {
    const left = typeof column === "string" ? column : `(${column.join(" + ")})`;
    if (within !== undefined) return `${left} BETWEEN ${value(from)}::timestamptz AND ${value(to)}::timestamptz`;
    if (typeof wanted !== "string") return `${left} IN (${wanted.map(value).join(", ")})`;
    const isNumber = typeof column !== "string";
    return `${left}${column === "uuid" ? "::text" : ""} ${is} ${value(wanted)}${isNumber ? "::numeric" : ""}`;
  });
  // Refer to columns by position: a name would resolve to the table's column instead of the output column.
  const place = (name: string): string => {
    const at = panel.columns.findIndex(
      (column) => outputName(column) === name || (typeof column !== "string" && column.column === name),
    );
    return at < 0 ? name : String(at + 1);
  };
  const [orderColumn = "", direction = ""] = panel.order_by?.split(" ") ?? [];
  return [
    [
      `SELECT ${selected.join(", ")} FROM ${panel.table}`,
      filters.length === 0 ? "" : `WHERE ${filters.join(" AND ")}`,
      panel.group_by === undefined ? "" : `GROUP BY ${panel.group_by.map(place).join(", ")}`,
      orderColumn === "" ? "" : `ORDER BY ${place(orderColumn)} ${direction}`,
      panel.limit === undefined ? "" : `LIMIT ${panel.limit}`,
    ].join(" "),
    values,
  ];
}

export const reportTables: readonly string[] = Object.values(tables).map(({ name }) => name);
