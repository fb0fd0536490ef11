/** The view of a list page, from the sums of a day or a range and the query of the address. */
import type { ClientNames } from "../names/client-names.ts";
import { rowNames, type ClientUsage } from "../query/client-rows.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import type { ListPageView } from "../web/list-page.ts";
import { listViewFrom } from "../web/report-url.ts";
import { ownUsages } from "./own-usages.ts";

export interface ListRequest extends Pick<
  ListPageView,
  "base" | "scope" | "scopeTitle" | "crumbs" | "narrow" | "list"
> {
  readonly summary: Pick<Summary, "total" | "download" | "upload" | "clients" | "sections">;
  readonly names: ClientNames;
  /** Sorting, search text and page. */
  readonly query: URLSearchParams;
}

/** undefined: the query is invalid, or the report has no such list. */
export async function usageListView({ summary, query, ...request }: ListRequest): Promise<ListPageView | undefined> {
  const { narrow, list } = request;
  const view = listViewFrom(query);
  const usages = ownUsages(summary, narrow, list);
  if (view === undefined || usages === undefined) return undefined;
  const names = await namesOnPage(request.names, list === "clients" ? usages : [], narrow);
  return { ...request, names, view, usages, total: summary.total };
}

/** The names of a page's clients, and of the one that it is narrowed to. Does not wait: names found by reverse DNS appear at the next request. */
export function namesOnPage(
  names: ClientNames,
  rows: readonly ClientUsage[],
  { client }: Narrow = {},
): Promise<ReadonlyMap<string, string>> {
  return rowNames(names, 0, rows, client === undefined ? [] : [client]);
}
