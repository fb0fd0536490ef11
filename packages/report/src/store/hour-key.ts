/**
 * One local hour of one day as a single number, yyyymmddhh: cheap to compare on the hot path, ordered by time.
 * Pure. Invariant: the two 02 hours of the night in which daylight saving ends share one key, as they share one file.
 */

/** For example 2026102502: 25 October 2026, from 02:00 local time. */
export type HourKey = number;

export interface Day {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
}

const quarterMs = 900_000;

/** The local hour of a moment (milliseconds since 1970), in the time zone of the process (TZ). */
export function hourKeyAt(ms: number): HourKey {
  const date = new Date(ms);
  return hourKey({ year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate() }, date.getHours());
}

/**
 * Like {@link hourKeyAt}, but cached for a call per event: every UTC offset in use is a multiple of 15 minutes, so the result can change only at
 * quarter hours.
 */
export function hourClock(): (ms: number) => HourKey {
  let quarter = Number.NaN;
  let key = 0;
  return (ms) => {
    const now = Math.floor(ms / quarterMs);
    if (now !== quarter) {
      quarter = now;
      key = hourKeyAt(ms);
    }
    return key;
  };
}

export function hourKey(day: Day, hour: number): HourKey {
  return ((day.year * 100 + day.month) * 100 + day.day) * 100 + hour;
}

export function hourOf(key: HourKey): number {
  return key % 100;
}

export function dayOf(key: HourKey): Day {
  const days = Math.floor(key / 100);
  return { year: Math.floor(days / 10_000), month: Math.floor(days / 100) % 100, day: days % 100 };
}

/** "07": hours, days and months in file names. */
export function twoDigits(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}
