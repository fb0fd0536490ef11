/**
 * Selects the reports to remove so that the rest fits and nothing is older than wanted. Pure. Invariants: oldest first; never today nor a later day;
 * nothing is removed when everything fits.
 */
import type { Day } from "../store/hour-key.ts";
import { addDays, isBefore } from "../store/report-day.ts";

export interface DayUse {
  readonly day: Day;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** `days`: oldest first. `other`: bytes of everything else, which stays. `limit`: most bytes in all. `keep`: most days before today. */
export function daysToRemove<Use extends DayUse>(
  days: readonly Use[],
  other: number,
  limit: number,
  today: Day,
  keep?: number,
): Use[] {
  let used = other + days.reduce((sum, { bytes }) => sum + bytes, 0);
  const oldest = keep === undefined ? undefined : addDays(today, -keep);
  const removed: Use[] = [];
  for (const one of days) {
    const isTooOld = oldest !== undefined && isBefore(one.day, oldest);
    if ((used <= limit && !isTooOld) || !isBefore(one.day, today)) break;
    removed.push(one);
    used -= one.bytes;
  }
  return removed;
}
