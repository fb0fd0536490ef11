/**
 * Addresses of the pages, built and parsed. Every figure has one, made of day, client, hour and name. Pure.
 *
 *   /                      months          /2026-11-22?client=192.168.1.5&application=netify.google&hour=13
 *   /2026-11               one month       /2026-11-22/hosts?client=…&sort=name&q=example&page=2   (a whole list; .csv, .json)
 */
import { isAddress } from "../store/client-address.ts";
import { sectionNames } from "../store/hour-counters.ts";
import { twoDigits, type Day } from "../store/hour-key.ts";
import type { ListName } from "../query/export-rows.ts";
import { formatDay } from "../store/report-day.ts";
import type { Narrow } from "../query/summary.ts";

export type SortBy = "traffic" | "name";

export function monthUrl(base: string, year: number, month: number): string {
  return `${base}/${year}-${twoDigits(month)}`;
}

export function dayUrl(base: string, day: Day, narrow: Narrow = {}): string {
  return `${base}/${formatDay(day)}${queryOf(narrow)}`;
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
  day: Day,
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
  return `${base}/${formatDay(day)}/${list}${suffix}${queryOf(narrow, more)}`;
}

function queryOf(narrow: Narrow, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams();
  if (narrow.client !== undefined) query.set("client", narrow.client);
  if (narrow.section !== undefined && narrow.value !== undefined) query.set(narrow.section, narrow.value);
  if (narrow.hour !== undefined) query.set("hour", twoDigits(narrow.hour));
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** undefined: the query is invalid, e.g. hour 25. Names are converted to lower case, as they are stored. */
export function narrowFrom(query: URLSearchParams): Narrow | undefined {
  const client = query.get("client")?.toLowerCase();
  const hour = query.get("hour");
  const given = sectionNames.filter((section) => query.has(section));
  if (client !== undefined && !isAddress(client)) return undefined;
  if (hour !== null && !/^([01]?\d|2[0-3])$/.test(hour)) return undefined;
  const [section, ...others] = given;
  const value = section === undefined ? undefined : query.get(section)?.toLowerCase();
  if (others.length > 0 || (value !== undefined && (value === "" || value.length > 1024))) return undefined;
  return {
    ...(client === undefined ? {} : { client }),
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
