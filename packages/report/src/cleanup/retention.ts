/**
 * Selects the days of reports to remove so that the rest fits. Pure. Invariants: oldest first; never today nor a later day; nothing is removed when
 * everything fits.
 */
import type { Day } from "../store/hour-key.ts";

export interface DayUse {
  readonly day: Day;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** `days`: oldest first. `other`: bytes of everything else, which stays. `limit`: most bytes in all. */
export function daysToRemove(days: readonly DayUse[], other: number, limit: number, today: Day): DayUse[] {
  let used = other + days.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed: DayUse[] = [];
  for (const one of days) {
    if (used <= limit || !isBefore(one.day, today)) break;
    removed.push(one);
    used -= one.bytes;
  }
  return removed;
}

function isBefore(a: Day, b: Day): boolean {
  return a.year !== b.year ? a.year < b.year : a.month !== b.month ? a.month < b.month : a.day < b.day;
}
