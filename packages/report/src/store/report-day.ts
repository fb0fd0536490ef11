/** Days as people and programs write them: "2026-11-22". Pure. */
import { twoDigits, type Day } from "./hour-key.ts";

/** A day of the calendar from its parts; undefined when there is no such day (30 February), or the year is not of this era's reports (1970 to 9999). */
export function dayFrom(year: number, month: number, day: number): Day | undefined {
  if (![year, month, day].every(Number.isInteger) || year < 1970 || year > 9999 || month < 1 || month > 12)
    return undefined;
  return day >= 1 && day <= daysInMonth(year, month) ? { year, month, day } : undefined;
}

/** From "2026-11-22"; undefined for anything else. */
export function parseDay(text: string): Day | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  return match === null ? undefined : dayFrom(Number(match[1]), Number(match[2]), Number(match[3]));
}

/** "2026-11-22". */
export function formatDay({ year, month, day }: Day): string {
  return `${year}-${twoDigits(month)}-${twoDigits(day)}`;
}

/** The local day of a moment (milliseconds since 1970). */
export function dayAt(ms: number): Day {
  const date = new Date(ms);
  return { year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate() };
}

export function sameDay(a: Day, b: Day): boolean {
  return a.year === b.year && a.month === b.month && a.day === b.day;
}

/** A day counts as over this long after midnight: the last dump of its last hour is written by then. */
const settleMs = 15 * 60 * 1000;

/** Whether all of `day` was on disk at the moment `at` (milliseconds since 1970). */
export function isOver(day: Day, at: number): boolean {
  return at > new Date(day.year, day.month - 1, day.day + 1).getTime() + settleMs && !sameDay(day, dayAt(at));
}

export function isBefore(a: Day, b: Day): boolean {
  return dayNumber(a) < dayNumber(b);
}

/** Days since 1970-01-01. */
export function dayNumber({ year, month, day }: Day): number {
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

export function dayOfNumber(number: number): Day {
  const date = new Date(number * 86_400_000);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** The day that many days later (earlier: negative). */
export function addDays(day: Day, days: number): Day {
  return dayOfNumber(dayNumber(day) + days);
}

export function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** 0 is Monday. */
export function weekdayOf({ year, month, day }: Day): number {
  return (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
}

export const monthNames = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

export const weekdayNames = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

/** "Sunday 22 November 2026". */
export function longDay(day: Day): string {
  return `${weekdayNames[weekdayOf(day)] ?? ""} ${day.day} ${monthName(day.month)} ${day.year}`;
}

export function monthName(month: number): string {
  return monthNames[month - 1] ?? "";
}
