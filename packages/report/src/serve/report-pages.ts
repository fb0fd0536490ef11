/** Maps an address to a page: reads the data and passes it to the page's pure function. */
import type { SeenStatus } from "../store/daemon-status.ts";
import type { Day } from "../store/hour-key.ts";
import type { CategoryFiles } from "../names/categories.ts";
import type { ClientNames } from "../names/client-names.ts";
import type { InterfaceRates } from "../query/interface-rates.ts";
import type { LiveHour } from "../query/live-hour.ts";
import { liveJson } from "../query/live-json.ts";
import { formatDay, longDay, parseDay, sameDay } from "../store/report-day.ts";
import type { DayTotal, ReportStore } from "../store/report-store.ts";
import { categoryTable, categoryUsages } from "../query/category-usage.ts";
import type { ClientGroup } from "../groups/client-groups.ts";
import { askDay } from "../query/ask.ts";
import type { Checked } from "../quota/quota-check.ts";
import { crumbsOf, dayPage } from "../web/day-page.ts";
import { homePage, whatToDo, type MonthTotal } from "../web/home-page.ts";
import { html, type Html, type HtmlValue } from "../web/html.ts";
import { listed, listPage, type ListPageView } from "../web/list-page.ts";
import { clientsLive, liveFragment, livePage, type LiveView } from "../web/live-page.ts";
import { monthPage } from "../web/month-page.ts";
import type { Page } from "../web/page.ts";
import { narrowFrom } from "../web/report-url.ts";
import { shownClients } from "../web/usage-panels.ts";
import type { ExportTable } from "../query/export-table.ts";
import { dayTable, usageExport, type ListName } from "../query/export-rows.ts";
import { namesOnPage, usageListView } from "./list-view.ts";

export interface ReportPagesNeeds {
  readonly store: ReportStore;
  readonly names: ClientNames;
  readonly categories: CategoryFiles;
  readonly live: LiveHour;
  readonly interfaces: InterfaceRates;
  readonly status: () => SeenStatus | undefined;
  readonly quotas: () => Checked;
  readonly groups: () => readonly ClientGroup[];
  readonly base: string;
}

export class ReportPages {
  readonly #needs: ReportPagesNeeds;

  constructor(needs: ReportPagesNeeds) {
    this.#needs = needs;
  }

  home(): Page {
    const { store, base } = this.#needs;
    const days = store.days();
    return homePage({
      base,
      months: this.#months(days),
      latest: days.at(-1),
      reportPath: store.base,
      daemon: this.#needs.status(),
      quotas: this.#needs.quotas(),
    });
  }

  month(year: number, month: number): Page {
    const { store, base } = this.#needs;
    const all = store.days();
    const key = year * 100 + month;
    const keys = [...new Set(all.map((day) => day.year * 100 + day.month))];
    const at = (found: number | undefined): { year: number; month: number } | undefined =>
      found === undefined ? undefined : { year: Math.floor(found / 100), month: found % 100 };
    return monthPage({
      base,
      year,
      month,
      days: this.daysWithTotals(all.filter((day) => day.year === year && day.month === month)),
      previous: at(keys.findLast((other) => other < key)),
      next: at(keys.find((other) => other > key)),
    });
  }

  /** undefined: the query is invalid. */
  async day(day: Day, query: URLSearchParams): Promise<Page | undefined> {
    const { store, base } = this.#needs;
    const groups = this.#needs.groups();
    const narrow = narrowFrom(query, groups);
    if (narrow === undefined) return undefined;
    const summary = askDay(store, day, narrow, true);
    const days = store.days().map(formatDay);
    const key = formatDay(day);
    const neighbour = (text: string | undefined): Day | undefined => (text === undefined ? undefined : parseDay(text));
    return dayPage({
      base,
      day,
      narrow,
      summary,
      groups,
      names: await namesOnPage(this.#needs.names, shownClients(summary, narrow), narrow),
      categories: this.#needs.categories.categories(),
      previous: neighbour(days.findLast((other) => other < key)),
      next: neighbour(days.find((other) => other > key)),
      whenEmpty: sameDay(day, store.today())
        ? this.#whenEmpty()
        : html`Go to <a href="${base}/">the months that have reports</a>.`,
    });
  }

  async list(day: Day, list: ListName, query: URLSearchParams): Promise<Page | undefined> {
    const view = await this.#listView(day, list, query);
    return view === undefined ? undefined : listPage(view);
  }

  async listTable(day: Day, list: ListName, query: URLSearchParams): Promise<ExportTable | undefined> {
    const view = await this.#listView(day, list, query);
    return view === undefined ? undefined : usageExport(list, listed(view), view.names, view.total);
  }

  /** undefined: the query is invalid. */
  categoryTable(day: Day, query: URLSearchParams): ExportTable | undefined {
    const narrow = narrowFrom(query, this.#needs.groups());
    if (narrow === undefined) return undefined;
    const { total, sections } = askDay(this.#needs.store, day, narrow, true);
    return categoryTable(categoryUsages(sections?.application, this.#needs.categories.categories()), total);
  }

  /** The days of a month, or all of them. */
  daysTable(year?: number, month?: number): ExportTable {
    const wanted = this.#needs.store
      .days()
      .filter((day) => (year === undefined || day.year === year) && (month === undefined || day.month === month));
    return dayTable(this.daysWithTotals(wanted));
  }

  async live(): Promise<Page> {
    return livePage(await this.#liveView());
  }

  async liveJson(): Promise<object> {
    const view = await this.#liveView();
    return liveJson(view, view.interfaces, view.names);
  }

  async liveFragment(): Promise<Html> {
    return liveFragment(await this.#liveView());
  }

  daysWithTotals(days: readonly Day[]): (DayTotal & { readonly day: Day })[] {
    const found = days.map((day) => ({ day, ...this.#needs.store.total(day) }));
    this.#needs.store.saveTotals();
    return found;
  }

  async #listView(day: Day, list: ListName, query: URLSearchParams): Promise<ListPageView | undefined> {
    const narrow = narrowFrom(query, this.#needs.groups());
    if (narrow === undefined) return undefined;
    const { base, names, store } = this.#needs;
    return usageListView({
      base,
      scope: formatDay(day),
      scopeTitle: longDay(day),
      crumbs: crumbsOf({ base, day, narrow: {} }),
      narrow,
      list,
      query,
      names,
      summary: askDay(store, day, narrow, true),
    });
  }

  async #liveView(): Promise<LiveView> {
    const state = this.#needs.live.look();
    return {
      ...state,
      base: this.#needs.base,
      interfaces: await this.#needs.interfaces.look(),
      names: await namesOnPage(this.#needs.names, clientsLive(state)),
      paused: pausedText(this.#needs.status()),
      whenEmpty: this.#whenEmpty(true),
    };
  }

  #months(days: readonly Day[]): MonthTotal[] {
    const months = new Map<number, MonthTotal>();
    // Today's total is never stored, nor yesterday's in the first minutes after midnight: compute both. All other days are added up in the background.
    const computed = new Set(days.slice(-2));
    for (const day of days) {
      const key = day.year * 100 + day.month;
      const none = { days: 0, total: 0, download: 0, upload: 0, complete: true };
      const before = months.get(key) ?? { year: day.year, month: day.month, ...none };
      const known = computed.has(day) ? this.#needs.store.total(day) : this.#needs.store.knownTotal(day);
      months.set(key, {
        ...before,
        days: before.days + 1,
        total: before.total + (known?.total ?? 0),
        download: before.download + (known?.download ?? 0),
        upload: before.upload + (known?.upload ?? 0),
        complete: before.complete && known !== undefined,
      });
    }
    return [...months.values()];
  }

  #whenEmpty(follows = false): HtmlValue {
    return whatToDo({ daemon: this.#needs.status(), reportPath: this.#needs.store.base }, follows);
  }
}

/** Why the live hour does not grow; undefined when it does. */
function pausedText(status: SeenStatus | undefined): string | undefined {
  if (status?.running !== true) return "dpireport is not running: nothing is counted.";
  return status.connected ? undefined : `dpireport is not connected to ${status.source}: nothing is counted.`;
}
