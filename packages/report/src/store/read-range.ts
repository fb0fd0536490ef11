/**
 * The counters of a range of days, as few periods as possible: whole months from their roll-up, days from theirs, days that are not rolled up from the
 * hour files. Invariant: each day of the range is in exactly one of the periods.
 */
import type { Files } from "@nethsec/host/host";
import type { DayCounters } from "./day-counters.ts";
import { keepRows } from "./directions.ts";
import type { Day } from "./hour-key.ts";
import { dayPath } from "./hour-store.ts";
import type { Period } from "./period.ts";
import { periodOfDay } from "./period-builder.ts";
import { addDays, isBefore } from "./report-day.ts";
import { TextColumn } from "./text-column.ts";
import { readRolledDay, readRolledMonth } from "./roll-up-files.ts";

/** Both days are part of it. */
export interface DayRange {
  readonly from: Day;
  readonly to: Day;
}

export interface RangeSource {
  readonly files: Files;
  readonly base: string;
  /** The hours of a day. */
  readonly day: (day: Day) => DayCounters;
}

/** `byDay`: every day as a period of its own where it is known, also in months that are rolled up. One period is in memory at a time. */
export function* readRange(source: RangeSource, { from, to }: DayRange, byDay = false): Generator<Period> {
  for (let first = from; !isBefore(to, first);) {
    const next = addDays({ ...first, day: 1 }, 32);
    const last = addDays({ ...next, day: 1 }, -1);
    yield* readMonth(source, { from: first, to: isBefore(to, last) ? to : last }, byDay);
    first = { ...next, day: 1 };
  }
}

function* readMonth(source: RangeSource, { from, to }: DayRange, byDay: boolean): Generator<Period> {
  const { files, base } = source;
  const month = readRolledMonth(files, base, from);
  const asked = maskOf(from.day, to.day);
  const rolled = month?.present ?? 0;
  const isWhole = month !== undefined && (rolled & ~asked) === 0 && !byDay;
  if (isWhole) yield month;
  let rest = isWhole ? asked & ~rolled : asked;
  for (let day = from.day; day <= to.day; day++) {
    if (((rest >>> (day - 1)) & 1) === 0) continue;
    const period = readOneDay(source, { ...from, day });
    if (period === undefined) continue;
    rest &= ~maskOf(day, day);
    yield period;
  }
  // Days whose own files are gone: their totals are known by client, their names only of the whole month.
  if (month !== undefined && !isWhole && (rest & rolled) !== 0) yield onlyDays(month, rest & rolled);
}

function readOneDay({ files, base, day: hours }: RangeSource, day: Day): Period | undefined {
  const rolled = readRolledDay(files, base, day);
  if (rolled !== undefined || !files.exists(dayPath(base, day))) return rolled;
  const period = periodOfDay(hours(day), 0);
  return period.present === 0 ? undefined : period;
}

/** Bits of the days of a month, from 1. */
function maskOf(from: number, to: number): number {
  let mask = 0;
  for (let day = from; day <= to; day++) mask |= 1 << (day - 1);
  return mask;
}

/** The totals of some of a month's days, without names. */
function onlyDays(month: Period, days: number): Period {
  const totals = month.totals.slice();
  const unattributed = month.unattributed.slice();
  for (let slot = 0; slot < month.slots; slot++) {
    if (((days >>> slot) & 1) === 1) continue;
    unattributed[slot] = 0;
    for (let at = slot; at < totals.length; at += month.slots) totals[at] = 0;
  }
  const isKept = (cell: number): boolean => ((days >>> (cell % month.slots)) & 1) === 1;
  const directions = month.directions === undefined ? undefined : keepRows(month.directions, isKept);
  const none = {
    names: TextColumn.of([]),
    counts: new Uint32Array(month.clients.length),
    name: new Uint32Array(),
    bytes: new Float64Array(),
    directions: undefined,
    when: new Uint32Array(),
  };
  const sections = { protocol: none, application: none, host: none };
  return {
    ...month,
    present: (month.present & days) >>> 0,
    totals,
    directions,
    unattributed,
    sections,
    isWithoutNames: true,
  };
}
