/** Removes roll-ups that are too many or too old: days first, then months, oldest first; never those of the current month's sum. */
import type { Files } from "@nethsec/host/host";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { formatDay } from "../store/report-day.ts";
import { listRolled, rolledDayPath, rolledMonthPath } from "../store/roll-up-files.ts";
import { daysToRemove, type DayUse } from "./retention.ts";

export interface RollUpLimits {
  /** Most bytes of all roll-ups. */
  readonly bytes: number;
  /** Most days and months before the current ones; undefined: as many as there is room for. */
  readonly days: number | undefined;
  readonly months: number | undefined;
}

interface Use extends DayUse {
  readonly path: string;
  readonly name: string;
}

/** Returns the names of what was removed ("2026-11-22", "2026-11"), with their bytes. `sizeOf`: disk use of a file. */
export function removeRollUps(
  files: Files,
  base: string,
  today: Day,
  limits: RollUpLimits,
  sizeOf: (path: string) => number,
): { readonly name: string; readonly bytes: number }[] {
  const rolled = listRolled(files, base);
  const use = (day: Day, path: string, name: string): Use => ({ day, path, name, bytes: sizeOf(path) });
  const days = rolled.days.map((day) => use(day, rolledDayPath(base, day), formatDay(day)));
  const months = rolled.months.map((month) =>
    use({ ...month, day: 1 }, rolledMonthPath(base, month), `${month.year}-${twoDigits(month.month)}`),
  );
  const monthBytes = months.reduce((sum, { bytes }) => sum + bytes, 0);
  const oldDays = daysToRemove(days, monthBytes, limits.bytes, today, limits.days);
  const dayBytes = days.slice(oldDays.length).reduce((sum, { bytes }) => sum + bytes, 0);
  const thisMonth = { ...today, day: 1 };
  // 31 days each: a month is removed when all of it is older.
  const keep = limits.months === undefined ? undefined : limits.months * 31;
  const removed = [...oldDays, ...daysToRemove(months, dayBytes, limits.bytes, thisMonth, keep)];
  for (const { path } of removed) files.remove(path);
  return removed.map(({ name, bytes }) => ({ name, bytes }));
}
