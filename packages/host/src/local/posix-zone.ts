/**
 * Time zones as POSIX writes them ("CET-1CEST,M3.5.0,M10.5.0/3": `timezone` of OpenWrt's /etc/config/system). Pure.
 * Source: POSIX.1-2024, Base Definitions, 8.3 "Other Environment Variables", TZ; hours from -167 to 167 as in RFC 8536 section 3.3.1.
 */

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** A moment of each year at which daylight saving time begins or ends. */
interface Change {
  /** Local midnight of that day in a year, as if local time were UTC; milliseconds. */
  readonly midnight: (year: number) => number;
  /** Milliseconds after that midnight. */
  readonly time: number;
}

export interface PosixZone {
  /** Milliseconds east of UTC. */
  readonly standard: number;
  /** undefined: the same time all year. */
  readonly summer: { readonly offset: number; readonly begins: Change; readonly ends: Change } | undefined;
}

const name = "(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)";
const time = String.raw`[+-]?\d{1,3}(?::\d{2}(?::\d{2})?)?`;
const date = String.raw`(?:M\d{1,2}\.[1-5]\.[0-6]|J?\d{1,3})`;
const pattern = new RegExp(
  `^${name}(${time})(?:${name}(${time})?,(${date})(?:/(${time}))?,(${date})(?:/(${time}))?)?$`,
);

/** undefined for a text that is not a POSIX zone, and for one with a summer time but without its rules. */
export function parsePosixZone(text: string): PosixZone | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, west = "", summerWest, begin, beginTime, end, endTime] = match;
  const standard = 0 - milliseconds(west);
  if (begin === undefined || end === undefined) return { standard, summer: undefined };
  const begins = changeOf(begin, beginTime);
  const ends = changeOf(end, endTime);
  if (begins === undefined || ends === undefined) return undefined;
  const offset = summerWest === undefined ? standard + hourMs : 0 - milliseconds(summerWest);
  return { standard, summer: { offset, begins, ends } };
}

/** The moments (Unix ms) of the zone's clock changes in a year. */
export function changesOf({ standard, summer }: PosixZone, year: number): readonly [begins: number, ends: number] | [] {
  if (summer === undefined) return [];
  const { begins, ends, offset } = summer;
  return [begins.midnight(year) + begins.time - standard, ends.midnight(year) + ends.time - offset];
}

/** Milliseconds east of UTC at a moment (Unix ms). */
export function offsetAt(zone: PosixZone, at: number): number {
  const [begins, ends] = changesOf(zone, new Date(at + zone.standard).getUTCFullYear());
  if (zone.summer === undefined || begins === undefined || ends === undefined) return zone.standard;
  // In the southern hemisphere summer time spans the turn of the year.
  const isSummer = begins < ends ? at >= begins && at < ends : at >= begins || at < ends;
  return isSummer ? zone.summer.offset : zone.standard;
}

function milliseconds(text: string): number {
  const [hours = "0", minutes = "0", seconds = "0"] = text.replace(/^[+-]/, "").split(":");
  const size = Number(hours) * hourMs + Number(minutes) * 60_000 + Number(seconds) * 1000;
  return text.startsWith("-") ? 0 - size : size;
}

function changeOf(text: string, at = "2"): Change | undefined {
  const midnight = midnightOf(text);
  return midnight === undefined ? undefined : { midnight, time: milliseconds(at) };
}

function midnightOf(text: string): Change["midnight"] | undefined {
  const weekday = /^M(\d+)\.(\d)\.(\d)$/.exec(text);
  if (weekday !== null) {
    const [month, week, day] = weekday.slice(1).map(Number);
    if (month === undefined || week === undefined || day === undefined || month < 1 || month > 12) return undefined;
    return (year) => weekdayOf(year, month, week, day);
  }
  const number = Number(text.replace("J", ""));
  if (!text.startsWith("J")) return number > 365 ? undefined : (year) => Date.UTC(year, 0, 1) + number * dayMs;
  // Jn: day 1 to 365; 29 February is never counted.
  if (number < 1 || number > 365) return undefined;
  return (year) => Date.UTC(year, 0, number > 59 && isLeapYear(year) ? number + 1 : number);
}

/** The `week`th `day` (0: Sunday) of a month; 5 means the last one. */
function weekdayOf(year: number, month: number, week: number, day: number): number {
  const first = Date.UTC(year, month - 1, 1);
  const date = first + (((day - new Date(first).getUTCDay() + 7) % 7) + (week - 1) * 7) * dayMs;
  return date >= Date.UTC(year, month, 1) ? date - 7 * dayMs : date;
}

function isLeapYear(year: number): boolean {
  return new Date(Date.UTC(year, 1, 29)).getUTCDate() === 29;
}
