/**
 * The only query: a day's counters, narrowed, as totals, hours and sorted lists. rpcd, the command line, the pages and exports all print its result.
 * Pure.
 *
 * Limits of the hour files: they store protocols, applications and hosts separately. So a day can be narrowed by client, by hour, and by one name of
 * one section; "which hosts are behind this application" cannot be answered, and then there are no section lists.
 */
import type { DayCounters, SectionColumns, SectionPart } from "../store/day-counters.ts";
import type { SectionName } from "../store/hour-counters.ts";

export interface Narrow {
  readonly client?: string;
  /** 0 to 23. */
  readonly hour?: number;
  readonly section?: SectionName;
  /** With `section`: a name as in the hour files, in lower case. */
  readonly value?: string;
}

export interface Usage {
  /** A client's address, or a name as in the hour files. */
  readonly id: string;
  readonly bytes: number;
}

export interface Summary {
  /** Bytes. */
  readonly total: number;
  /** Bytes by hour (24); not narrowed by hour, so that a chart can show the hour among the others. */
  readonly hours: readonly number[];
  /** All of them, largest first. */
  readonly clients: readonly Usage[];
  /** All names, largest first; absent when narrowed to one name. */
  readonly sections: Readonly<Record<SectionName, readonly Usage[]>> | undefined;
  /** Bytes that belong to no client; 0 when narrowed by client or name. */
  readonly unattributed: number;
}

export function summarise(day: DayCounters, narrow: Narrow = {}): Summary {
  const client = narrow.client === undefined ? undefined : day.clients.indexOf(narrow.client);
  const byName = narrow.section !== undefined && narrow.value !== undefined;
  const cells = byName ? cellsOfName(day, narrow.section, narrow.value) : day.totals;
  const hours = Array.from({ length: 24 }, () => 0);
  const byClient = new Float64Array(day.clients.length);
  let total = 0;
  for (let index = 0; index < day.clients.length; index++) {
    if (client !== undefined && client !== index) continue;
    for (let hour = 0; hour < 24; hour++) {
      const bytes = cells[index * 24 + hour] ?? 0;
      if (bytes === 0) continue;
      hours[hour] = (hours[hour] ?? 0) + bytes;
      if (narrow.hour !== undefined && narrow.hour !== hour) continue;
      byClient[index] = (byClient[index] ?? 0) + bytes;
      total += bytes;
    }
  }
  return {
    total,
    hours,
    clients: sorted(day.clients, byClient),
    sections: byName ? undefined : sectionLists(day, client, narrow.hour),
    unattributed: byName || client !== undefined ? 0 : sumOf(day.unattributed, narrow.hour),
  };
}

function sumOf(hours: Float64Array, hour: number | undefined): number {
  return hour === undefined ? hours.reduce((sum, bytes) => sum + bytes, 0) : (hours[hour] ?? 0);
}

/** Bytes of one name by client and hour, laid out like `DayCounters.totals`. */
function cellsOfName(day: DayCounters, section: SectionName, value: string): Float64Array {
  const cells = new Float64Array(day.clients.length * 24);
  const columns = day.sections[section];
  const wanted = columns.names.indexOf(value);
  if (wanted < 0) return cells;
  for (const part of columns.parts) {
    const own = part.names.indexOf(wanted);
    if (own >= 0) addCells(part, own, cells);
  }
  return cells;
}

// Each loop over rows is in its own small function: in a process that lives for 50 ms, only such functions get optimised.

function addCells({ hour, clients, counts, name, bytes }: SectionPart, wanted: number, cells: Float64Array): void {
  let row = 0;
  for (let index = 0; index < clients.length; index++) {
    const client = clients[index] ?? -1;
    const end = row + (counts[index] ?? 0);
    for (; row < end; row++) if (name[row] === wanted && client >= 0) cells[client * 24 + hour] = bytes[row] ?? 0;
  }
}

function sectionLists(
  day: DayCounters,
  client: number | undefined,
  hour: number | undefined,
): Record<SectionName, readonly Usage[]> {
  const list = (name: SectionName): readonly Usage[] => {
    const columns = day.sections[name];
    return sorted(columns.names, sumsByName(columns, client, hour));
  };
  return { protocol: list("protocol"), application: list("application"), host: list("host") };
}

function sumsByName(
  { names, parts }: SectionColumns,
  client: number | undefined,
  hour: number | undefined,
): Float64Array {
  const sums = new Float64Array(names.length);
  for (const part of parts) {
    if (hour !== undefined && part.hour !== hour) continue;
    const own = sumsOfPart(part, client);
    for (let name = 0; name < own.length; name++) {
      const id = part.names[name] ?? 0;
      sums[id] = (sums[id] ?? 0) + (own[name] ?? 0);
    }
  }
  return sums;
}

/** Bytes by index of the part's own names. */
function sumsOfPart(part: SectionPart, client: number | undefined): Float64Array {
  const { clients, counts, name, bytes } = part;
  const sums = new Float64Array(part.names.length);
  let row = 0;
  for (let index = 0; index < clients.length; index++) {
    const own = clients[index] ?? -1;
    const end = row + (counts[index] ?? 0);
    if (own < 0 || (client !== undefined && own !== client)) row = end;
    for (; row < end; row++) sums[name[row] ?? 0] = (sums[name[row] ?? 0] ?? 0) + (bytes[row] ?? 0);
  }
  return sums;
}

function sorted(ids: readonly string[], bytes: Float64Array): Usage[] {
  const sums = new Map<string, number>();
  for (const [index, id] of ids.entries()) sums.set(id, bytes[index] ?? 0);
  return sortedUsages(sums);
}

/** Largest first, equal ones by name; entries without traffic are left out. */
export function sortedUsages(sums: ReadonlyMap<string, number>): Usage[] {
  const list: Usage[] = [];
  for (const [id, bytes] of sums) if (bytes > 0) list.push({ id, bytes });
  return list.sort((a, b) => b.bytes - a.bytes || (a.id < b.id ? -1 : 1));
}
