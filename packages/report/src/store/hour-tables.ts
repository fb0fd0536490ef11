/**
 * Reads a day from its hour indexes, and from the hour files where those are newer or have no index. Invariants: the bytes always equal the content of
 * the hour files; download and upload, which only the indexes have, are kept while the bytes they belong to are still there.
 */
import type { Files } from "@nethsec/host/host";
import type { DayBuilder } from "./day-builder.ts";
import { columnsOf, decodeHour, encodeHour, indexHeader, type HourSection, type IndexHeader } from "./hour-index.ts";
import { downloadOf, uploadOf } from "./directions.ts";
import { emptyHour, sectionNames, type HourCounters, type Sums } from "./hour-counters.ts";
import { hourKey, twoDigits, type Day, type HourKey } from "./hour-key.ts";
import { reportMode } from "./report-access.ts";
import { dayPath, hourPath, listClients, listHours, readHour, readUnattributed } from "./hour-store.ts";

export function indexPath(base: string, day: Day, hour: number): string {
  return `${dayPath(base, day)}/.${twoDigits(hour)}.index`;
}

/** All hour files of one hour, with the directions that its index knows. */
export function readHourFiles(files: Files, base: string, day: Day, hour: number): HourCounters {
  const counters = readFiles(files, base, hourKey(day, hour), listClients(files, base, day));
  takeDirections(counters, files.readBytes(indexPath(base, day, hour)));
  counters.unattributed = readUnattributed(files, base, day)[hour] ?? 0;
  return counters;
}

export interface OneClient {
  readonly client: string;
  /** Leaves out download and upload, which are in the indexes of all clients: several times as fast. */
  readonly totalsOnly?: boolean;
}

/** Adds one client's day to the builder. Reads its hour files: at most 24, and small beside indexes of all clients. */
export function readClientFiles(
  files: Files,
  base: string,
  day: Day,
  builder: DayBuilder,
  { client, totalsOnly }: OneClient,
): void {
  const hours = listHours(files, base, day, client);
  builder.clients(hours.length === 0 ? [] : [client]);
  builder.unattributed(readUnattributed(files, base, day));
  for (const hour of hours) {
    const counters = readFiles(files, base, hourKey(day, hour), [client]);
    if (totalsOnly !== true) takeDirections(counters, files.readBytes(indexPath(base, day, hour)));
    builder.hour(hour, columnsOf(counters));
  }
}

/** Adds a whole day to the builder. Missing or damaged files count as empty. */
export function readHourTables(files: Files, base: string, day: Day, builder: DayBuilder): void {
  const survey = surveyDay(files, base, day);
  builder.clients(survey.clients);
  builder.unattributed(readUnattributed(files, base, day));
  for (let hour = 0; hour < 24; hour++) {
    const fromFiles = survey.fromFiles[hour] ?? [];
    const bytes = survey.indexes[hour]?.bytes;
    const columns = bytes === undefined ? undefined : decodeHour(bytes);
    const changed = new Set(fromFiles);
    if (columns !== undefined) builder.hour(hour, columns, (client) => !changed.has(client));
    if (fromFiles.length === 0) continue;
    const counters = readFiles(files, base, hourKey(day, hour), fromFiles);
    takeDirections(counters, bytes);
    builder.hour(hour, columnsOf(counters));
  }
}

function readFiles(files: Files, base: string, key: HourKey, clients: readonly string[]): HourCounters {
  const counters = emptyHour();
  for (const client of clients) {
    const found = readHour(files, base, key, client);
    if (found !== undefined) counters.clients.set(client, found);
  }
  return counters;
}

/**
 * Gives counters that come from hour files the download and upload of an index. Only where the file has at least the bytes of the index: counters only
 * grow, so fewer bytes are another program's.
 */
function takeDirections({ clients }: HourCounters, index: Uint8Array | undefined): void {
  const columns = index === undefined || indexHeader(index) === undefined ? undefined : decodeHour(index);
  if (columns === undefined) return;
  const rows = { protocol: 0, application: 0, host: 0 };
  for (let at = 0; at < columns.clients.length; at++) {
    const client = clients.get(columns.clients[at] ?? "");
    const total = columns.totals[at] ?? 0;
    const isSame = client !== undefined && total <= client.total;
    if (isSame) {
      client.download = downloadOf(columns.directions, at, total);
      client.upload = uploadOf(columns.directions, at);
    }
    for (const section of sectionNames) {
      const first = rows[section];
      rows[section] = first + (columns.sections[section].counts[at] ?? 0);
      if (isSame) takeOfNames(client[section], columns.sections[section], first, rows[section]);
    }
  }
}

/** The same for a client's names: rows from `first` to before `end`. */
function takeOfNames(cells: Sums, { names, name, bytes, directions }: HourSection, first: number, end: number): void {
  for (let row = first; row < end; row++) {
    const cell = cells.get(names[name[row] ?? 0] ?? "");
    const had = bytes[row] ?? 0;
    if (cell === undefined || had > cell.bytes) continue;
    cell.download = downloadOf(directions, row, had);
    cell.upload = uploadOf(directions, row);
  }
}

/** Rebuilds the index of every hour of a day from its files. For finished days: the daemon writes those of today. */
export function rebuildIndexes(files: Files, base: string, day: Day, now: number): void {
  const hours: HourCounters[] = [];
  let mask = 0;
  for (let hour = 0; hour < 24; hour++) {
    const counters = readHourFiles(files, base, day, hour);
    hours.push(counters);
    if (counters.clients.size > 0) mask |= 1 << hour;
  }
  for (const [hour, counters] of hours.entries())
    if (counters.clients.size > 0) writeIndex(files, base, day, hour, counters, { asOf: now, hours: mask });
}

/** Rebuilds the index of one hour from its files. */
export function rebuildHour(files: Files, base: string, day: Day, hour: number, header: IndexHeader): void {
  writeIndex(files, base, day, hour, readHourFiles(files, base, day, hour), header);
}

export function writeIndex(
  files: Files,
  base: string,
  day: Day,
  hour: number,
  counters: HourCounters,
  header: IndexHeader,
): void {
  files.write(indexPath(base, day, hour), encodeHour(counters, header), { mode: reportMode });
}

interface Index extends IndexHeader {
  readonly bytes: Uint8Array;
}

/** Which parts of a day to read from indexes, and which from hour files. */
export interface Survey {
  readonly clients: readonly string[];
  /** By hour. */
  readonly indexes: readonly (Index | undefined)[];
  /** By hour: the clients whose hour file must be opened. */
  readonly fromFiles: readonly (readonly string[])[];
  /** Whether the indexes cover the day, so that no hour file must be opened. */
  readonly complete: boolean;
}

/** Decides which hours to read from their index, and which files must be opened. */
export function surveyDay(files: Files, base: string, day: Day): Survey {
  const clients = listClients(files, base, day);
  const indexes = Array.from({ length: 24 }, (_, hour) => readIndex(files, base, day, hour));
  const latest = newest(indexes);
  const fromFiles: string[][] = Array.from({ length: 24 }, () => []);
  // Hours that had files when the newest index was written, but whose own index is missing.
  const lost = indexes.flatMap((index, hour) =>
    index === undefined && latest !== undefined && (latest.hours >> hour) & 1 ? [hour] : [],
  );
  for (const client of clients) {
    const changed = latest === undefined || (files.stat(`${dayPath(base, day)}/${client}`)?.ctimeMs ?? 0) > latest.asOf;
    for (const hour of changed ? listHours(files, base, day, client) : lost) {
      const index = indexes[hour];
      if (index === undefined || newerThan(files, base, hourKey(day, hour), client, index.asOf))
        fromFiles[hour]?.push(client);
    }
  }
  return { clients, indexes, fromFiles, complete: fromFiles.every((list) => list.length === 0) };
}

// Compares the change time (ctime): copies of backups keep the modification time.
function newerThan(files: Files, base: string, key: HourKey, client: string, asOf: number): boolean {
  return (files.stat(hourPath(base, key, client))?.ctimeMs ?? 0) > asOf;
}

function newest(indexes: readonly (Index | undefined)[]): Index | undefined {
  let latest: Index | undefined;
  for (const index of indexes)
    if (index !== undefined && (latest === undefined || index.asOf > latest.asOf)) latest = index;
  return latest;
}

function readIndex(files: Files, base: string, day: Day, hour: number): Index | undefined {
  const bytes = files.readBytes(indexPath(base, day, hour));
  const header = bytes === undefined ? undefined : indexHeader(bytes);
  return bytes === undefined || header === undefined ? undefined : { ...header, bytes };
}
