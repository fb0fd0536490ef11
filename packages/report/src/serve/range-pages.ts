/** Maps an address about a range of days, or a search, to a page: reads the periods and passes the sums to the page's pure function. */
import { rangeFrom, type AskedRange } from "../query/asked-range.ts";
import { categoryTable, categoryUsages } from "../query/category-usage.ts";
import { foundTable, usageExport, type ListName } from "../query/export-rows.ts";
import type { ExportTable } from "../query/export-table.ts";
import { rangeJson } from "../query/range-json.ts";
import type { ClientGroup } from "../groups/client-groups.ts";
import { askRange } from "../query/ask.ts";
import type { RangeSummary } from "../query/range-summary.ts";
import { clientsFound, searchRange, shortestSearch, type FoundAll } from "../query/search.ts";
import type { Narrow } from "../query/narrow.ts";
import type { CategoryFiles } from "../names/categories.ts";
import type { ClientNames } from "../names/client-names.ts";
import type { Day } from "../store/hour-key.ts";
import type { DayRange } from "../store/read-range.ts";
import { parseDay, sameDay } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import { listed, listPage, type ListPageView } from "../web/list-page.ts";
import type { Page } from "../web/page.ts";
import { rangePage } from "../web/range-page.ts";
import { narrowFrom, rangeScope, scopeUrl } from "../web/report-url.ts";
import { mostRows, searchPage } from "../web/search-page.ts";
import { shownClients } from "../web/usage-panels.ts";
import { namesOnPage, usageListView } from "./list-view.ts";

export interface RangePagesNeeds {
  readonly store: ReportStore;
  readonly names: ClientNames;
  readonly categories: CategoryFiles;
  readonly groups: () => readonly ClientGroup[];
  readonly base: string;
}

export class RangePages {
  readonly #needs: RangePagesNeeds;

  constructor(needs: RangePagesNeeds) {
    this.#needs = needs;
  }

  /** undefined: not a range. */
  range(key: string): AskedRange | undefined {
    return rangeFrom(key, this.#needs.store.today());
  }

  /** The day whose hours are there, for a range that is one day: its page says more. */
  hoursOf({ from, to }: DayRange): Day | undefined {
    const { store } = this.#needs;
    return sameDay(from, to) && (store.hasHours(from) || sameDay(from, store.today())) ? from : undefined;
  }

  /** Where a form of the picker leads, an empty one to the last 30 days; undefined: it makes no sense. */
  pickedUrl(query: URLSearchParams): string | undefined {
    if (query.size === 0) return scopeUrl(this.#needs.base, rangeScope("last-30-days"));
    const narrow = this.#narrow(query);
    const cycle = query.get("cycle");
    const [from, to] = [parseDay(query.get("from") ?? ""), parseDay(query.get("to") ?? "")];
    const which = query.get("which") === "last" ? "last" : "this";
    const key = cycle === null ? `${query.get("from")}..${query.get("to")}` : `${which}-cycle-${cycle}`;
    if (narrow === undefined || (cycle === null && (from === undefined || to === undefined))) return undefined;
    return this.range(key) === undefined ? undefined : scopeUrl(this.#needs.base, rangeScope(key), narrow);
  }

  /** undefined: the query is invalid. `scope`: default is that of the range. */
  async page(range: AskedRange, query: URLSearchParams, scope = rangeScope(range.key)): Promise<Page | undefined> {
    const narrow = this.#narrow(query);
    if (narrow === undefined) return undefined;
    const summary = this.#summary(range, narrow);
    const names = await namesOnPage(this.#needs.names, shownClients(summary, narrow), narrow);
    const before = this.#summary(range.before, narrow);
    const [groups, categories] = [this.#needs.groups(), this.#needs.categories.categories()];
    return rangePage({ base: this.#needs.base, scope, range, narrow, summary, before, groups, names, categories });
  }

  /** The whole answer for programs; undefined: the query is invalid. */
  async json(range: AskedRange, query: URLSearchParams): Promise<object | undefined> {
    const narrow = this.#narrow(query);
    if (narrow === undefined) return undefined;
    const summary = this.#summary(range, narrow);
    const names = await namesOnPage(this.#needs.names, summary.clients);
    const before = this.#summary(range.before, narrow);
    const [groups, categories] = [this.#needs.groups(), this.#needs.categories.categories()];
    return rangeJson({ range, narrow, summary, before, limit: Infinity, groups, names, categories });
  }

  async list(range: AskedRange, list: ListName, query: URLSearchParams): Promise<Page | undefined> {
    const view = await this.#listView(range, list, query);
    return view === undefined ? undefined : listPage(view);
  }

  async listTable(range: AskedRange, list: ListName, query: URLSearchParams): Promise<ExportTable | undefined> {
    const view = await this.#listView(range, list, query);
    return view === undefined ? undefined : usageExport(list, listed(view), view.names, view.total);
  }

  /** undefined: the query is invalid. */
  categoryTable(range: AskedRange, query: URLSearchParams): ExportTable | undefined {
    const narrow = this.#narrow(query);
    if (narrow === undefined) return undefined;
    const { total, sections } = this.#summary(range, narrow);
    return categoryTable(categoryUsages(sections?.application, this.#needs.categories.categories()), total);
  }

  /** undefined: the query is invalid. */
  async search(query: URLSearchParams): Promise<Page | undefined> {
    const asked = this.#search(query);
    if (asked === undefined) return undefined;
    const names = await namesOnPage(this.#needs.names, clientsFound(asked.found.slice(0, mostRows)));
    return searchPage({ base: this.#needs.base, ...asked, names });
  }

  async searchTable(query: URLSearchParams): Promise<ExportTable | undefined> {
    const asked = this.#search(query);
    if (asked === undefined) return undefined;
    return foundTable(asked.found, await namesOnPage(this.#needs.names, clientsFound(asked.found)));
  }

  #search(query: URLSearchParams): (FoundAll & { readonly text: string; readonly range: AskedRange }) | undefined {
    const text = (query.get("q") ?? "").trim();
    const range = this.range(query.get("range") ?? "last-365-days");
    if (range === undefined || text.length > 256) return undefined;
    const nothing = { found: [], isCut: false };
    const all = text.length < shortestSearch ? nothing : searchRange(this.#needs.store.periods(range), text);
    return { ...all, text, range };
  }

  async #listView(range: AskedRange, list: ListName, query: URLSearchParams): Promise<ListPageView | undefined> {
    const narrow = this.#narrow(query);
    if (narrow === undefined) return undefined;
    const { base, names } = this.#needs;
    return usageListView({
      base,
      scope: rangeScope(range.key),
      scopeTitle: range.title,
      crumbs: [{ title: "Months", href: `${base}/` }],
      narrow,
      list,
      query,
      names,
      summary: this.#summary(range, narrow),
    });
  }

  /** A range has no hours to narrow by. */
  #narrow(query: URLSearchParams): Narrow | undefined {
    const narrow = narrowFrom(query, this.#needs.groups());
    return narrow?.hour === undefined ? narrow : undefined;
  }

  #summary(range: DayRange, narrow: Narrow): RangeSummary {
    return askRange(this.#needs.store, range, narrow);
  }
}
