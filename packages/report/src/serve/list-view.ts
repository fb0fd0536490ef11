/** The view of a list page, from the sums of a day or a range and the query of the address. */
import type { ClientNames } from "../names/client-names.ts";
import type { Narrow, Summary } from "../query/summary.ts";
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
  const shown = [...(list === "clients" ? usages.map(({ id }) => id) : []), ...narrowedClient(narrow)];
  // Does not wait: names found by reverse DNS appear at the next request.
  const names = await request.names.lookup(shown, 0);
  return { ...request, names, view, usages, total: summary.total };
}

/** The client that a report is narrowed to, if any. */
export function narrowedClient({ client }: Narrow): string[] {
  return client === undefined ? [] : [client];
}
