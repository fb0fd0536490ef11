/**
 * Rolls up days that are over: each into one file, and each month into one file. Run every night, before old files are removed.
 *
 * Why a crash at any point neither loses nor doubles: each file is replaced atomically and says which sources it includes (a day: when its hours were
 * read; a month: the version of each day), so that the next run continues with what is missing. Nothing is removed here.
 * Invariant: a roll-up never shrinks: hours that are gone since do not take their bytes out of it, nor lost indexes their directions.
 */
import type { Files } from "@nethsec/host/host";
import { DeviceLog } from "./device-log.ts";
import type { Day } from "./hour-key.ts";
import { dayPath, listClients, listDays } from "./hour-store.ts";
import { directedOf, totalOf, type Period } from "./period.ts";
import { PeriodBuilder, periodOfDay } from "./period-builder.ts";
import { readDay } from "./read-day.ts";
import { daysInMonth, isOver } from "./report-day.ts";
import {
  listRolled,
  readRolledDay,
  readRolledMonth,
  rolledDayPath,
  writeRolledDay,
  writeRolledMonth,
  type Rolled,
} from "./roll-up-files.ts";

export interface RollUpNeeds {
  readonly files: Files;
  readonly base: string;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
}

export interface RollUpResult {
  readonly days: readonly Day[];
  readonly months: readonly Rolled[];
}

export function rollUp(needs: RollUpNeeds): RollUpResult {
  const { files, base, now } = needs;
  const devices = new DeviceLog(files, base);
  const days = listDays(files, base).filter((day) => isOver(day, now()) && rollUpDay(needs, day, devices));
  const months = monthsOf(listRolled(files, base).days).filter(({ days: own }) => rollUpMonth(needs, own));
  return { days, months: months.map(({ year, month }) => ({ year, month })) };
}

/** Returns whether a file was written. */
function rollUpDay({ files, base, now }: RollUpNeeds, day: Day, devices: DeviceLog): boolean {
  const known = readRolledDay(files, base, day);
  // Its month has it and its file is gone: it was removed to make room.
  if (!files.exists(rolledDayPath(base, day)) && (readRolledMonth(files, base, day)?.versions[day.day - 1] ?? 0) > 0)
    return false;
  const version = now();
  if (known !== undefined && !changedSince(files, base, day, known.versions[0] ?? 0)) return false;
  const period = periodOfDay(readDay(files, base, day, undefined, devices.of(day)), version);
  if (period.present === 0 || (known !== undefined && hasLess(period, known))) return false;
  writeRolledDay(files, base, period);
  return true;
}

/** Fewer bytes; or the same, of which fewer have a known direction: hour files that were restored without their indexes. */
function hasLess(period: Period, known: Period): boolean {
  const [now, before] = [totalOf(period), totalOf(known)];
  return now < before || (now === before && directedOf(period) < directedOf(known));
}

function changedSince(files: Files, base: string, day: Day, since: number): boolean {
  const path = dayPath(base, day);
  return listClients(files, base, day).some((client) => (files.stat(`${path}/${client}`)?.ctimeMs ?? 0) > since);
}

/** `days`: all of one month that have a file. */
function rollUpMonth({ files, base }: RollUpNeeds, days: readonly Day[]): boolean {
  const [first] = days;
  if (first === undefined) return false;
  const known = readRolledMonth(files, base, first, true);
  const versions = days.map((day) => files.stat(rolledDayPath(base, day))?.mtimeMs ?? 0);
  const had = (day: Day): number => known?.versions[day.day - 1] ?? 0;
  const changed = days.filter((day, index) => had(day) !== versions[index]);
  if (changed.length === 0) return false;
  const isAnew = changed.some((day) => had(day) !== 0);
  const kept = days.reduce((mask, day) => mask | (1 << (day.day - 1)), 0);
  // A day that changed cannot be taken out of a sum whose other days have no files any more: the month keeps what it had.
  if (isAnew && known !== undefined && (known.present & ~kept) !== 0) return false;
  const builder = new PeriodBuilder({ ...first, day: 1 }, daysInMonth(first.year, first.month));
  if (known !== undefined && !isAnew) builder.period(known);
  for (const [index, day] of days.entries()) {
    if (!isAnew && had(day) !== 0) continue;
    const period = readRolledDay(files, base, day);
    if (period !== undefined) builder.day(period, versions[index] ?? 0);
  }
  writeRolledMonth(files, base, builder.finish());
  return true;
}

function monthsOf(days: readonly Day[]): (Rolled & { readonly days: Day[] })[] {
  const months = new Map<number, Rolled & { readonly days: Day[] }>();
  for (const day of days) {
    const key = day.year * 100 + day.month;
    const month = months.get(key) ?? { year: day.year, month: day.month, days: [] };
    month.days.push(day);
    months.set(key, month);
  }
  return [...months.values()];
}
