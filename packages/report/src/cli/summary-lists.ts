/** The lists of a summary, for a day and a range alike. Pure. */
import { sectionOfList, type ListName } from "../query/export-rows.ts";
import { labelOf } from "../query/labels.ts";
import type { TrafficRow } from "./report-text.ts";

export const listTitles: Readonly<Record<ListName, string>> = {
  clients: "Client",
  applications: "Application",
  protocols: "Protocol",
  hosts: "Remote host",
};

export function rowOf(list: ListName, id: string, bytes: number, names: ReadonlyMap<string, string>): TrafficRow {
  const section = sectionOfList[list];
  if (section !== undefined) return { label: labelOf(section, id), bytes };
  const name = names.get(id);
  return name === undefined ? { label: id, bytes } : { label: name, address: id, bytes };
}
