/** Search over a range: which clients had names that contain a text, and on which days. Pure. */
import { addressOf, clientRow } from "../store/client-key.ts";
import { downloadOf, uploadOf } from "../store/directions.ts";
import { sectionNames, type SectionName } from "../store/hour-counters.ts";
import type { Day } from "../store/hour-key.ts";
import type { Period } from "../store/period.ts";
import { dayNumber, dayOfNumber } from "../store/report-day.ts";
import type { ClientUsage } from "./client-rows.ts";
import type { Traffic } from "./traffic.ts";

export interface Found {
  readonly section: SectionName;
  readonly name: string;
  /** The device (MAC address), or the address where the device is not known. */
  readonly client: string;
  /** An address of the client. */
  readonly address: string;
  readonly bytes: number;
  /** The bytes that are known to have gone to the client, and from it. */
  readonly download: number;
  readonly upload: number;
  readonly first: Day;
  readonly last: Day;
  /** Days on which the client had the name. */
  readonly days: number;
}

export interface FoundAll {
  /** Latest first, then largest. */
  readonly found: readonly Found[];
  /** More was found than is kept: a longer text or a shorter range finds the rest. */
  readonly isCut: boolean;
}

/** Characters. */
export const shortestSearch = 2;
const mostFound = 50_000;

/** As rows of clients, for their names. */
export function clientsFound(found: readonly Found[]): ClientUsage[] {
  return found.map((one) => ({ ...one, id: one.client, addresses: [{ ...one, id: one.address }] }));
}

interface Entry {
  readonly section: SectionName;
  readonly name: string;
  readonly client: string;
  readonly address: string;
  bytes: number;
  download: number;
  upload: number;
  first: number;
  last: number;
  days: number;
  /** First day of the period that was added last, and its days: two addresses of a device may have the name on the same day. */
  begin: number;
  mask: number;
}

/** `text`: part of a name, in any case. */
export function searchRange(periods: Iterable<Period>, text: string): FoundAll {
  const wanted = text.toLowerCase();
  const entries = new Map<string, Entry>();
  let isCut = false;
  for (const period of periods)
    for (const section of sectionNames) isCut = searchSection(period, section, wanted, entries) || isCut;
  const found = [...entries.values()].map(({ begin: _begin, mask: _mask, ...entry }) => ({
    ...entry,
    first: dayOfNumber(entry.first),
    last: dayOfNumber(entry.last),
  }));
  found.sort((a, b) => dayNumber(b.last) - dayNumber(a.last) || b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
  return { found, isCut };
}

/** Returns whether something was left out. */
function searchSection(period: Period, section: SectionName, wanted: string, entries: Map<string, Entry>): boolean {
  const { names, counts, name, bytes: column, directions, when } = period.sections[section];
  const matches = names.containing(wanted);
  if (!matches.includes(1)) return false;
  const begin = dayNumber(period.first);
  let isCut = false;
  let row = 0;
  for (let at = 0; at < counts.length; at++) {
    for (const end = row + (counts[at] ?? 0); row < end; row++) {
      const id = name[row] ?? 0;
      if (matches[id] !== 1) continue;
      // The slots of a day are hours.
      const days = period.slots === 24 ? 1 : (when[row] ?? 0);
      const key = period.clients[at] ?? "";
      const one = { section, name: names.at(id), client: clientRow(key), address: addressOf(key) };
      const bytes = column[row] ?? 0;
      const traffic = { bytes, download: downloadOf(directions, row, bytes), upload: uploadOf(directions, row) };
      isCut = !note(entries, one, traffic, begin, days) || isCut;
    }
  }
  return isCut;
}

function note(
  entries: Map<string, Entry>,
  one: Pick<Entry, "section" | "name" | "client" | "address">,
  traffic: Traffic,
  begin: number,
  days: number,
): boolean {
  const key = `${one.section}\n${one.client}\n${one.name}`;
  const first = begin + 31 - Math.clz32(days & -days);
  const last = begin + 31 - Math.clz32(days);
  const entry = entries.get(key);
  if (entry === undefined) {
    if (entries.size >= mostFound) return false;
    entries.set(key, { ...one, ...traffic, first, last, days: bits(days), begin, mask: days });
    return true;
  }
  entry.bytes += traffic.bytes;
  entry.download += traffic.download;
  entry.upload += traffic.upload;
  entry.first = Math.min(entry.first, first);
  entry.last = Math.max(entry.last, last);
  const before = entry.begin === begin ? entry.mask : 0;
  entry.days += bits(days & ~before);
  entry.begin = begin;
  entry.mask = before | days;
  return true;
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
