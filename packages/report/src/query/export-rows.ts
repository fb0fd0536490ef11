/** Tables for exports, used by the pages' links and by `ns-report export`. Pure. */
import type { Day } from "../store/hour-key.ts";
import type { SectionName } from "../store/hour-counters.ts";
import type { ExportTable } from "./export-table.ts";
import type { Found } from "./search.ts";
import { labelOf } from "./labels.ts";
import { formatDay } from "../store/report-day.ts";
import type { DayTotal } from "../store/report-store.ts";
import type { ClientGroup } from "../groups/client-groups.ts";
import { deviceIn, groupUsages, mainAddress, type ClientUsage } from "./client-rows.ts";
import type { Narrow } from "./narrow.ts";
import type { Summary } from "./summary.ts";
import { splitJson, totalTraffic, type Traffic } from "./traffic.ts";

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
): readonly ClientUsage[] {
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

/** A row of a list for programs. */
export function usageJson(list: ListName, usage: ClientUsage, names: ReadonlyMap<string, string>): object {
  const { id, bytes } = usage;
  const row = { ...labelled(list, id, names), bytes, ...splitJson(usage) };
  if (sectionOfList[list] !== undefined) return { id, ...row };
  const addresses = usage.addresses?.map((address) => ({ address: address.id, bytes: address.bytes }));
  return { id: mainAddress(usage), ...deviceFields(usage), ...row, ...(addresses === undefined ? {} : { addresses }) };
}

function deviceFields(usage: ClientUsage): { readonly device?: string } {
  const device = deviceIn(usage);
  return device === undefined ? {} : { device };
}

/** Groups overlap and leave clients out. */
export function groupsJson(clients: readonly ClientUsage[], groups: readonly ClientGroup[]): object[] {
  return groupUsages(clients, groups).map((usage) => ({
    id: usage.id,
    title: groups.find(({ name }) => name === usage.id)?.title ?? usage.id,
    bytes: usage.bytes,
    ...splitJson(usage),
  }));
}

export function narrowJson({ group, ...narrow }: Narrow): object {
  return { ...narrow, ...(group === undefined ? {} : { group: group.name }) };
}

/** Columns of every export; see {@link directionCells}. */
export const directionColumns = ["download", "upload"] as const;

/** null, an empty cell in CSV, while the direction of more than a tenth of the bytes is not known. */
export function directionCells(traffic: Traffic): [download: number | null, upload: number | null] {
  const { download, upload } = splitJson(traffic);
  return [download, upload];
}

/** One row per day. */
export function dayTable(days: readonly (DayTotal & { readonly day: Day })[]): ExportTable {
  return {
    columns: ["day", "bytes", "clients", "unattributed", ...directionColumns],
    rows: days.map((day) => [
      formatDay(day.day),
      day.total,
      day.clients,
      day.unattributed,
      ...directionCells(totalTraffic(day)),
    ]),
  };
}

/** One row per client or name, in the given order; `total` is 100%. A device is under the address with the most traffic. */
export function usageExport(
  list: ListName,
  usages: readonly ClientUsage[],
  names: ReadonlyMap<string, string>,
  total: number,
): ExportTable {
  const section = sectionOfList[list];
  const label = (id: string): string => (section === undefined ? (names.get(id) ?? "") : labelOf(section, id));
  const percent = (bytes: number): number => (total === 0 ? 0 : Math.round((bytes / total) * 10_000) / 100);
  const isClients = section === undefined;
  return {
    columns: [
      section ?? "client",
      isClients ? "name" : "label",
      "bytes",
      "percent",
      ...directionColumns,
      ...(isClients ? ["device", "addresses"] : []),
    ],
    rows: usages.map((usage) => [
      isClients ? mainAddress(usage) : usage.id,
      label(usage.id),
      usage.bytes,
      percent(usage.bytes),
      ...directionCells(usage),
      ...(isClients ? [deviceIn(usage) ?? "", usage.addresses?.length ?? 1] : []),
    ]),
  };
}

/** One row per client and name that a search found. */
export function foundTable(found: readonly Found[], names: ReadonlyMap<string, string>): ExportTable {
  return {
    columns: ["kind", "name", "client", "client_name", "first", "last", "days", "bytes", ...directionColumns, "device"],
    rows: found.map((one) => [
      one.section,
      one.name,
      one.address,
      names.get(one.client) ?? "",
      formatDay(one.first),
      formatDay(one.last),
      one.days,
      one.bytes,
      ...directionCells(one),
      one.client === one.address ? "" : one.client,
    ]),
  };
}

/** The table as JSON: an array of objects keyed by column. */
export function tableJson(table: ExportTable): Record<string, string | number | null>[] {
  return table.rows.map((row) =>
    Object.fromEntries(table.columns.map((column, index) => [column, row[index] ?? null])),
  );
}
