/**
 * Addresses of the pages, built and parsed. Every figure has one, made of day, client, hour and name. Pure.
 *
 *   /                      months          /2026-11-22?client=192.168.1.5&application=netify.google&hour=13
 *   /2026-11               one month       /2026-11-22/hosts?client=…&sort=name&q=example&page=2   (a whole list; .csv, .json)
 *   /range/last-30-days    a range of days, narrowed and with lists like a day (its scope: "range/last-30-days")
 */
import type { ClientGroup } from "../groups/client-groups.ts";
import { isClientId } from "../store/client-key.ts";
import { sectionNames } from "../store/hour-counters.ts";
import { twoDigits, type Day } from "../store/hour-key.ts";
import type { ListName } from "../query/export-rows.ts";
import { formatDay } from "../store/report-day.ts";
import type { Narrow } from "../query/narrow.ts";

export type SortBy = "traffic" | "name";

export function monthUrl(base: string, year: number, month: number): string {
  return `${base}/${year}-${twoDigits(month)}`;
}

export function dayUrl(base: string, day: Day, narrow: Narrow = {}): string {
  return scopeUrl(base, formatDay(day), narrow);
}

/** `key`: as in `AskedRange`. */
export function rangeScope(key: string): string {
  return `range/${key}`;
}

/** `scope`: what a report is about, as in its address: "2026-11-22", "range/last-30-days". */
export function scopeUrl(base: string, scope: string, narrow: Narrow = {}): string {
  return `${base}/${scope}${queryOf(narrow)}`;
}

export interface ListView {
  readonly sort?: SortBy;
  readonly search?: string;
  /** Page number, from 1. */
  readonly page?: number;
}

/** `suffix`: "", ".csv" or ".json". */
export function listUrl(
  base: string,
  scope: string,
  list: ListName,
  narrow: Narrow,
  view: ListView = {},
  suffix = "",
): string {
  const more = {
    ...(view.sort === undefined || view.sort === "traffic" ? {} : { sort: view.sort }),
    ...(view.search === undefined || view.search === "" ? {} : { q: view.search }),
    ...(view.page === undefined || view.page === 1 ? {} : { page: `${view.page}` }),
  };
  return `${base}/${scope}/${list}${suffix}${queryOf(narrow, more)}`;
}

/** `suffix`: ".csv" or ".json". */
export function categoriesUrl(base: string, scope: string, narrow: Narrow, suffix: string): string {
  return `${base}/${scope}/categories${suffix}${queryOf(narrow)}`;
}

/** `suffix`: "", ".csv" or ".json". */
export function searchUrl(base: string, text: string, range: string, suffix = ""): string {
  return `${base}/search${suffix}${queryOf({}, { q: text, range })}`;
}

function queryOf(narrow: Narrow, more: Readonly<Record<string, string>> = {}): string {
  const text = new URLSearchParams({ ...narrowFields(narrow), ...more }).toString();
  return text === "" ? "" : `?${text}`;
}

/** The narrowing as fields of a query or a form. */
export function narrowFields({ client, group, section, value, hour }: Narrow): Record<string, string> {
  return {
    ...(client === undefined ? {} : { client }),
    ...(group === undefined ? {} : { group: group.name }),
    ...(section === undefined || value === undefined ? {} : { [section]: value }),
    ...(hour === undefined ? {} : { hour: twoDigits(hour) }),
  };
}

/** undefined: the query is invalid, e.g. hour 25, or a group that does not exist. Names are converted to lower case, as they are stored. */
export function narrowFrom(query: URLSearchParams, groups: readonly ClientGroup[]): Narrow | undefined {
  const client = query.get("client")?.toLowerCase();
  const group = groups.find(({ name }) => name === query.get("group"));
  const hour = query.get("hour");
  const given = sectionNames.filter((section) => query.has(section));
  if (client !== undefined && !isClientId(client)) return undefined;
  if (query.has("group") && group === undefined) return undefined;
  if (hour !== null && !/^([01]?\d|2[0-3])$/.test(hour)) return undefined;
  const [section, ...others] = given;
  const value = section === undefined ? undefined : query.get(section)?.toLowerCase();
  if (others.length > 0 || (value !== undefined && (value === "" || value.length > 1024))) return undefined;
  return {
    ...(client === undefined ? {} : { client }),
    ...(group === undefined ? {} : { group }),
    ...(hour === null ? {} : { hour: Number(hour) }),
    ...(section === undefined || value === undefined ? {} : { section, value }),
  };
}

/** undefined: the query is invalid. */
export function listViewFrom(query: URLSearchParams): ListView | undefined {
  const sort = query.get("sort") ?? "traffic";
  const search = query.get("q") ?? "";
  const page = Number(query.get("page") ?? "1");
  if (
    (sort !== "traffic" && sort !== "name") ||
    search.length > 256 ||
    !Number.isInteger(page) ||
    page < 1 ||
    page > 100_000
  )
    return undefined;
  return { sort, search, page };
}
