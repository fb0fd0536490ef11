/**
 * The only query: a day's counters, narrowed, as totals, hours and sorted lists. rpcd, the command line, the pages and exports all print its result.
 * Pure.
 *
 * Limits of the hour files: they store protocols, applications and hosts separately. So a day can be narrowed by client, by hour, and by one name of
 * one section; "which hosts are behind this application" cannot be answered, and then there are no section lists.
 */
import type { DayCounters, SectionColumns, SectionPart } from "../store/day-counters.ts";
import { downloadOf, uploadOf, type ByteColumn, type Directions } from "../store/directions.ts";
import type { SectionName } from "../store/hour-counters.ts";
import type { Narrow } from "./narrow.ts";
import { clientRows, wantedClients, type ClientUsage } from "./client-rows.ts";
import { sortUsages, trafficOf, type Traffic, type Usage } from "./traffic.ts";

export interface Summary {
  /** Bytes. */
  readonly total: number;
  /** The bytes of `total` that are known to have gone to the clients, and from them. */
  readonly download: number;
  readonly upload: number;
  /** Bytes by hour (24); not narrowed by hour, so that a chart can show the hour among the others. */
  readonly hours: readonly number[];
  /** All of them, largest first. */
  readonly clients: readonly ClientUsage[];
  /** All names, largest first; absent when narrowed to one name. */
  readonly sections: Readonly<Record<SectionName, readonly Usage[]>> | undefined;
  /** Bytes that belong to no client; 0 when narrowed by client or name. */
  readonly unattributed: number;
}

export function summarise(day: DayCounters, narrow: Narrow = {}): Summary {
  const wanted = wantedClients(narrow);
  const only = wanted === undefined ? undefined : Uint8Array.from(day.clients, (key) => Number(wanted(key)));
  const byName = narrow.section !== undefined && narrow.value !== undefined;
  const cells: Cells = byName ? cellsOfName(day, narrow.section, narrow.value) : { ...day, bytes: day.totals };
  const hours = Array.from({ length: 24 }, () => 0);
  const byKey: Usage[] = [];
  for (const [index, id] of day.clients.entries()) {
    if (only?.[index] === 0) continue;
    const own = clientUsage(cells, index, narrow.hour, hours);
    if (own.bytes > 0) byKey.push({ id, ...own });
  }
  const clients = clientRows(byKey);
  const { bytes: total, download, upload } = trafficOf(clients);
  return {
    total,
    download,
    upload,
    hours,
    clients,
    sections: byName ? undefined : sectionLists(day, only, narrow.hour),
    unattributed: byName || only !== undefined ? 0 : sumOf(day.unattributed, narrow.hour),
  };
}

/** By client and hour, laid out like `DayCounters.totals`. */
interface Cells {
  readonly bytes: Float64Array;
  readonly download: Float64Array;
  readonly upload: Float64Array;
}

function sumOf(hours: Float64Array, hour: number | undefined): number {
  return hour === undefined ? hours.reduce((sum, bytes) => sum + bytes, 0) : (hours[hour] ?? 0);
}

/** What a client has, all day or in one hour; adds each of its hours to `hours`. */
function clientUsage(cells: Cells, client: number, wanted: number | undefined, hours: number[]): Traffic {
  let [bytes, download, upload] = [0, 0, 0];
  for (let hour = 0; hour < 24; hour++) {
    const cell = client * 24 + hour;
    const own = cells.bytes[cell] ?? 0;
    if (own === 0) continue;
    hours[hour] = (hours[hour] ?? 0) + own;
    if (wanted !== undefined && wanted !== hour) continue;
    bytes += own;
    download += cells.download[cell] ?? 0;
    upload += cells.upload[cell] ?? 0;
  }
  return { bytes, download, upload };
}

/** What one name has. */
function cellsOfName(day: DayCounters, section: SectionName, value: string): Cells {
  const empty = (): Float64Array => new Float64Array(day.clients.length * 24);
  const cells = { bytes: empty(), download: empty(), upload: empty() };
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

function addCells(part: SectionPart, wanted: number, cells: Cells): void {
  const { hour, clients, counts, name } = part;
  let row = 0;
  for (let index = 0; index < clients.length; index++) {
    const client = clients[index] ?? -1;
    const end = row + (counts[index] ?? 0);
    for (; row < end; row++) if (name[row] === wanted && client >= 0) setCell(part, row, cells, client * 24 + hour);
  }
}

function setCell({ bytes: column, directions }: SectionPart, row: number, cells: Cells, at: number): void {
  const bytes = column[row] ?? 0;
  cells.bytes[at] = bytes;
  cells.download[at] = downloadOf(directions, row, bytes);
  cells.upload[at] = uploadOf(directions, row);
}

function sectionLists(
  day: DayCounters,
  only: Uint8Array | undefined,
  hour: number | undefined,
): Record<SectionName, readonly Usage[]> {
  const list = (name: SectionName): readonly Usage[] => usagesByName(day.sections[name], only, hour);
  return { protocol: list("protocol"), application: list("application"), host: list("host") };
}

function usagesByName(
  { names, parts }: SectionColumns,
  only: Uint8Array | undefined,
  hour: number | undefined,
): readonly Usage[] {
  const empty = (): Float64Array => new Float64Array(names.length);
  const [bytes, upload, rest] = [empty(), empty(), empty()];
  for (const part of parts) {
    if (hour !== undefined && part.hour !== hour) continue;
    const { directions } = part;
    const [all, sent] = [new Float64Array(part.names.length), new Float64Array(part.names.length)];
    if (directions === undefined) addBytes(part, only, all);
    else addBytesAndUpload(part, directions.upload, only, all, sent);
    addByName(part, all, bytes);
    addByName(part, sent, upload);
    // Without directions all bytes are rest.
    addByName(part, directions === undefined ? all : restOfPart(part, directions, only), rest);
  }
  const usages: Usage[] = [];
  for (let id = 0; id < bytes.length; id++) {
    const [all, sent] = [bytes[id] ?? 0, upload[id] ?? 0];
    if (all > 0) usages.push({ id: names[id] ?? "", bytes: all, download: all - sent - (rest[id] ?? 0), upload: sent });
  }
  return sortUsages(usages);
}

/** Adds sums by the part's own names to sums by the section's. */
function addByName(part: SectionPart, own: Float64Array, into: Float64Array): void {
  for (let name = 0; name < own.length; name++) {
    const id = part.names[name] ?? 0;
    into[id] = (into[id] ?? 0) + (own[name] ?? 0);
  }
}

/** Adds the bytes of each of the part's own names. `only`: 1 for each of the day's clients that counts; undefined: all do. */
function addBytes(
  { clients, counts, name, bytes }: SectionPart,
  only: Uint8Array | undefined,
  into: Float64Array,
): void {
  let row = 0;
  for (let index = 0; index < clients.length; index++) {
    const own = clients[index] ?? -1;
    const end = row + (counts[index] ?? 0);
    if (own < 0 || only?.[own] === 0) row = end;
    for (; row < end; row++) into[name[row] ?? 0] = (into[name[row] ?? 0] ?? 0) + (bytes[row] ?? 0);
  }
}

/** The same, and the upload: nearly always a column of words, which this loop is optimised for; to convert them would take longer than the loop. */
function addBytesAndUpload(
  { clients, counts, name, bytes }: SectionPart,
  upload: ByteColumn,
  only: Uint8Array | undefined,
  into: Float64Array,
  uploadInto: Float64Array,
): void {
  let row = 0;
  for (let index = 0; index < clients.length; index++) {
    const own = clients[index] ?? -1;
    const end = row + (counts[index] ?? 0);
    if (own < 0 || only?.[own] === 0) row = end;
    for (; row < end; row++) {
      const id = name[row] ?? 0;
      into[id] = (into[id] ?? 0) + (bytes[row] ?? 0);
      uploadInto[id] = (uploadInto[id] ?? 0) + (upload[row] ?? 0);
    }
  }
}

/** The bytes without a direction, by index of the part's own names; few rows have any. */
function restOfPart(part: SectionPart, { restRows, rest }: Directions, only: Uint8Array | undefined): Float64Array {
  const { clients, counts, name } = part;
  const sums = new Float64Array(part.names.length);
  let row = 0;
  let at = 0;
  for (let index = 0; index < clients.length && at < restRows.length; index++) {
    const own = clients[index] ?? -1;
    const isWanted = own >= 0 && only?.[own] !== 0;
    row += counts[index] ?? 0;
    for (; at < restRows.length && (restRows[at] ?? 0) < row; at++) {
      const id = name[restRows[at] ?? 0] ?? 0;
      if (isWanted) sums[id] = (sums[id] ?? 0) + (rest[at] ?? 0);
    }
  }
  return sums;
}
