/**
 * The reports' files: `<base>/<yyyy>/<mm>/<dd>/<client>/<HH>.json` in local time (contract ns-report 1), and beside the clients of a day
 * `.unattributed.json` (bytes by hour that belong to no client) and `.HH.index` (see hour-index.ts).
 * Invariants: a client name that is not an address never becomes part of a path; files are replaced atomically; a file that is not an hour file of
 * this format reads as undefined and never throws.
 */
import type { Files } from "@nethsec/host/host";
import { isAddress } from "./client-address.ts";
import { dayOf, hourOf, twoDigits, type Day, type HourKey } from "./hour-key.ts";
import { reportMode } from "./report-access.ts";
import { cellOf, emptyClient, sectionNames, type ClientHour, type Sums } from "./hour-counters.ts";

/** Largest hour file that is read; with every limit reached a file has about 1 MB. */
const maxFileBytes = 16 * 1024 * 1024;

export function dayPath(base: string, { year, month, day }: Day): string {
  return `${base}/${year}/${twoDigits(month)}/${twoDigits(day)}`;
}

/** Throws a programming error for a name that is not an address: callers must filter first. */
export function hourPath(base: string, key: HourKey, client: string): string {
  if (!isAddress(client)) throw new Error(`not a client address: ${JSON.stringify(client.slice(0, 60))}`);
  return `${dayPath(base, dayOf(key))}/${client}/${twoDigits(hourOf(key))}.json`;
}

export function unattributedPath(base: string, day: Day): string {
  return `${dayPath(base, day)}/.unattributed.json`;
}

/** Days that have a folder, oldest first. */
export function listDays(files: Files, base: string): Day[] {
  const days: Day[] = [];
  for (const year of files.list(base).filter((name) => /^\d{4}$/.test(name))) {
    for (const month of files.list(`${base}/${year}`).filter((name) => /^(0[1-9]|1[0-2])$/.test(name))) {
      for (const day of files.list(`${base}/${year}/${month}`).filter((name) => /^(0[1-9]|[12]\d|3[01])$/.test(name))) {
        days.push({ year: Number(year), month: Number(month), day: Number(day) });
      }
    }
  }
  return days;
}

/** Addresses that have a folder in this day. */
export function listClients(files: Files, base: string, day: Day): string[] {
  return files.list(dayPath(base, day)).filter(isAddress);
}

/** Hours (0 to 23) of one client that have a file. */
export function listHours(files: Files, base: string, day: Day, client: string): number[] {
  if (!isAddress(client)) return [];
  return files
    .list(`${dayPath(base, day)}/${client}`)
    .filter((name) => /^([01]\d|2[0-3])\.json$/.test(name))
    .map((name) => Number(name.slice(0, 2)));
}

/** undefined when the file is missing or is not an hour file. */
export function readHour(files: Files, base: string, key: HourKey, client: string): ClientHour | undefined {
  const path = hourPath(base, key, client);
  const stat = files.stat(path);
  if (stat?.type !== "file" || stat.size > maxFileBytes) return undefined;
  const text = files.readText(path);
  return text === undefined ? undefined : parseHour(text);
}

export function writeHour(files: Files, base: string, key: HourKey, client: string, counters: ClientHour): void {
  files.write(hourPath(base, key, client), hourText(counters), { mode: reportMode });
}

/** Text of an hour file: compact JSON, largest names first, no names without bytes. */
export function hourText(counters: ClientHour): string {
  const sections = sectionNames.map((section) => `"${section}":${sumsText(counters[section])}`);
  return `{"total":${counters.total},${sections.join(",")}}\n`;
}

// Not JSON.stringify of an object: a host may be called "__proto__" or "12", which objects treat in their own way.
function sumsText(sums: Sums): string {
  const sorted = [...sums].filter(([, { bytes }]) => bytes > 0).sort((a, b) => b[1].bytes - a[1].bytes);
  return `{${sorted.map(([name, cell]) => `${JSON.stringify(name)}:${cell.bytes}`).join(",")}}`;
}

/** Accepts the files of any ns-report version: missing sections are empty; undefined for anything else. */
export function parseHour(text: string): ClientHour | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || !isBytes(value["total"])) return undefined;
  const counters = emptyClient();
  counters.total = value["total"];
  for (const section of sectionNames) {
    const names = value[section] ?? {};
    if (!isRecord(names)) return undefined;
    for (const [name, bytes] of Object.entries(names)) {
      if (!isBytes(bytes)) return undefined;
      if (bytes > 0) cellOf(counters[section], name).bytes = bytes;
    }
  }
  return counters;
}

/** Bytes by hour that belong to no client; 0 for hours without an entry. */
export function readUnattributed(files: Files, base: string, day: Day): Float64Array {
  const hours = new Float64Array(24);
  const text = files.readText(unattributedPath(base, day));
  const value = text === undefined ? undefined : parseJson(text);
  if (isRecord(value)) {
    for (const [hour, bytes] of Object.entries(value))
      if (/^\d\d$/.test(hour) && Number(hour) < 24 && isBytes(bytes)) hours[Number(hour)] = bytes;
  }
  return hours;
}

export function writeUnattributed(files: Files, base: string, day: Day, hours: Float64Array): void {
  const parts = [...hours].flatMap((bytes, hour) => (bytes > 0 ? [`"${twoDigits(hour)}":${bytes}`] : []));
  files.write(unattributedPath(base, day), `{${parts.join(",")}}\n`, { mode: reportMode });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whole numbers only; the original wrote integers too. */
function isBytes(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
