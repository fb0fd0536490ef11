/** Tables for exports, used by the pages' links and by `ns-report export`. Pure. */
import type { Day } from "../store/hour-key.ts";
import type { SectionName } from "../store/hour-counters.ts";
import type { ExportTable } from "./export-table.ts";
import type { Found } from "./search.ts";
import { labelOf } from "./labels.ts";
import { formatDay } from "../store/report-day.ts";
import type { DayTotal } from "../store/report-store.ts";
import type { Summary, Usage } from "./summary.ts";

/** The lists of a report, in the order they are shown. */
export const listNames = ["clients", "applications", "protocols", "hosts"] as const;
export type ListName = (typeof listNames)[number];

export function isListName(text: string): text is ListName {
  return (listNames as readonly string[]).includes(text);
}

/** The section a list shows; undefined for clients. */
export const sectionOfList: Readonly<Record<ListName, SectionName | undefined>> = {
  clients: undefined,
  applications: "application",
  protocols: "protocol",
  hosts: "host",
};

/** The rows of a list; empty when a report has no such list. */
export function usagesIn(
  { clients, sections }: Pick<Summary, "clients" | "sections">,
  list: ListName,
): readonly Usage[] {
  const section = sectionOfList[list];
  return section === undefined ? clients : (sections?.[section] ?? []);
}

/** The display name of a row, where it has one. */
export function labelled(
  list: ListName,
  id: string,
  names: ReadonlyMap<string, string>,
): { readonly label?: string; readonly name?: string } {
  const section = sectionOfList[list];
  if (section !== undefined) return section === "host" ? {} : { label: labelOf(section, id) };
  const name = names.get(id);
  return name === undefined ? {} : { name };
}

/** One row per day. */
export function dayTable(days: readonly (DayTotal & { readonly day: Day })[]): ExportTable {
  return {
    columns: ["day", "bytes", "clients", "unattributed"],
    rows: days.map(({ day, total, clients, unattributed }) => [formatDay(day), total, clients, unattributed]),
  };
}

/** One row per client or name, in the given order; `total` is 100%. */
export function usageExport(
  list: ListName,
  usages: readonly Usage[],
  names: ReadonlyMap<string, string>,
  total: number,
): ExportTable {
  const section = sectionOfList[list];
  const label = (id: string): string => (section === undefined ? (names.get(id) ?? "") : labelOf(section, id));
  const percent = (bytes: number): number => (total === 0 ? 0 : Math.round((bytes / total) * 10_000) / 100);
  return {
    columns: [section ?? "client", section === undefined ? "name" : "label", "bytes", "percent"],
    rows: usages.map(({ id, bytes }) => [id, label(id), bytes, percent(bytes)]),
  };
}

/** One row per client and name that a search found. */
export function foundTable(found: readonly Found[], names: ReadonlyMap<string, string>): ExportTable {
  return {
    columns: ["kind", "name", "client", "client_name", "first", "last", "days", "bytes"],
    rows: found.map(({ section, name, client, first, last, days, bytes }) => [
      section,
      name,
      client,
      names.get(client) ?? "",
      formatDay(first),
      formatDay(last),
      days,
      bytes,
    ]),
  };
}

/** The table as JSON: an array of objects keyed by column. */
export function tableJson(table: ExportTable): Record<string, string | number>[] {
  return table.rows.map((row) => Object.fromEntries(table.columns.map((column, index) => [column, row[index] ?? ""])));
}
