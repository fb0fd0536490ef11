/** Ranges of days as people write them, on the command line and in addresses: "last-30-days", "2026-11", "this-cycle-15", "2026-11-01..2026-11-15". Pure. */
import type { Day } from "../store/hour-key.ts";
import type { DayRange } from "../store/read-range.ts";
import {
  addDays,
  dayFrom,
  dayNumber,
  daysInMonth,
  longDay,
  monthName,
  parseDay,
  weekdayOf,
} from "../store/report-day.ts";

export interface AskedRange extends DayRange {
  /** As it was written; part of addresses. */
  readonly key: string;
  readonly title: string;
  /** The period to compare with: as many days before, or as many days of the month or billing cycle before. */
  readonly before: DayRange;
}

/** Longest range: ten years. */
const maxDays = 3660;

export const rangeAdvice =
  "Write today, yesterday, this-week, last-week, this-month, last-month, last-30-days, 2026-11, 2026, 2026-11-22, 2026-11-01..2026-11-15, or this-cycle-15 and last-cycle-15 (a month that begins on day 15).";

/** undefined: not a range. */
export function rangeFrom(key: string, today: Day): AskedRange | undefined {
  return named(key, today) ?? counted(key, today) ?? dated(key);
}

function named(key: string, today: Day): AskedRange | undefined {
  const yesterday = addDays(today, -1);
  const monday = addDays(today, -weekdayOf(today));
  switch (key) {
    case "today":
      return asked(key, longDay(today), today, today);
    case "yesterday":
      return asked(key, longDay(yesterday), yesterday, yesterday);
    case "this-week":
      return {
        ...asked(key, "This week", monday, today),
        before: { from: addDays(monday, -7), to: addDays(today, -7) },
      };
    case "last-week":
      return asked(key, "Last week", addDays(monday, -7), addDays(monday, -1));
    case "this-month":
      return cycle(key, "This month", { ...today, day: 1 }, today);
    case "last-month": {
      const { year, month } = addDays({ ...today, day: 1 }, -1);
      return wholeMonth(key, year, month);
    }
    default:
      return undefined;
  }
}

/** last-N-days, this-cycle-N, last-cycle-N. */
function counted(key: string, today: Day): AskedRange | undefined {
  const match = /^(last)-([1-9]\d{0,3})-days$|^(this|last)-cycle-([1-9]|1\d|2[0-8])$/.exec(key);
  if (match === null) return undefined;
  const [, , days, which, first] = match;
  if (days !== undefined) {
    const count = Number(days);
    return count > maxDays ? undefined : asked(key, `Last ${count} days`, addDays(today, 1 - count), today);
  }
  const day = Number(first);
  const begun = today.day >= day ? { ...today, day } : { ...addDays({ ...today, day: 1 }, -1), day };
  if (which === "this") return cycle(key, `Billing cycle from day ${day}, so far`, begun, today);
  const from = monthBefore(begun);
  return cycle(key, `Last billing cycle from day ${day}`, from, addDays(begun, -1));
}

/** A year, a month, a day, or two days with ".." between. */
function dated(key: string): AskedRange | undefined {
  if (/^\d{4}$/.test(key)) {
    const from = dayFrom(Number(key), 1, 1);
    const to = dayFrom(Number(key), 12, 31);
    if (from === undefined || to === undefined) return undefined;
    return { ...asked(key, key, from, to), before: { from: { ...from, year: from.year - 1 }, to: addDays(from, -1) } };
  }
  const month = /^(\d{4})-(\d{2})$/.exec(key);
  if (month !== null) {
    const [, year, number] = month.map(Number);
    return dayFrom(year ?? 0, number ?? 0, 1) === undefined ? undefined : wholeMonth(key, year ?? 0, number ?? 0);
  }
  const [first = "", last = first, ...more] = key.split("..");
  const from = parseDay(first);
  const to = parseDay(last);
  if (more.length > 0 || from === undefined || to === undefined) return undefined;
  if (dayNumber(to) < dayNumber(from) || dayNumber(to) - dayNumber(from) >= maxDays) return undefined;
  const title = key.includes("..") ? `${shortDay(from)} to ${shortDay(to)}` : longDay(from);
  return asked(key, title, from, to);
}

/** "22 November 2026". */
export function shortDay({ year, month, day }: Day): string {
  return `${day} ${monthName(month)} ${year}`;
}

export function rangeDays({ from, to }: DayRange): number {
  return dayNumber(to) - dayNumber(from) + 1;
}

function asked(key: string, title: string, from: Day, to: Day): AskedRange {
  const days = rangeDays({ from, to });
  return { key, title, from, to, before: { from: addDays(from, -days), to: addDays(from, -1) } };
}

/** Compared with as many days from the same day of the month before, but not beyond its end. */
function cycle(key: string, title: string, from: Day, to: Day): AskedRange {
  const before = monthBefore(from);
  const last = addDays(before, rangeDays({ from, to }) - 1);
  const end = addDays(from, -1);
  return { key, title, from, to, before: { from: before, to: dayNumber(last) < dayNumber(end) ? last : end } };
}

function wholeMonth(key: string, year: number, month: number): AskedRange {
  const from = { year, month, day: 1 };
  const to = { year, month, day: daysInMonth(year, month) };
  const range = asked(key, `${monthName(month)} ${year}`, from, to);
  return { ...range, before: { from: monthBefore(from), to: addDays(from, -1) } };
}

/** The same day of the month before; `day` is at most 28. */
function monthBefore(day: Day): Day {
  return { ...addDays({ ...day, day: 1 }, -1), day: day.day };
}
