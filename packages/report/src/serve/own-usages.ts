/** The rows of a list of a report that may be narrowed to one name. Pure. */
import { sectionOfList, type ListName } from "../query/export-rows.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import type { ClientUsage } from "../query/client-rows.ts";
import { usagesOf } from "../web/usage-panels.ts";

type Lists = Pick<Summary, "total" | "download" | "upload" | "clients" | "sections">;

/** undefined: the report has no such list. */
export function ownUsages(summary: Lists, narrow: Narrow, list: ListName): readonly ClientUsage[] | undefined {
  return usagesOf(summary, narrow, list) ?? ownRow(summary, narrow, list);
}

/**
 * The single row of a list that the report is narrowed to: a client or a name. undefined for the other lists of a report narrowed to a name: hour
 * files do not record which hosts are behind an application.
 */
function ownRow(summary: Lists, narrow: Narrow, list: ListName): readonly ClientUsage[] | undefined {
  if (list === "clients") return summary.clients;
  if (narrow.section !== sectionOfList[list] || narrow.value === undefined) return undefined;
  const { total, download, upload } = summary;
  return total > 0 ? [{ id: narrow.value, bytes: total, download, upload }] : [];
}
