/**
 * `<base>/.rollups/2026-11-22.day` (compressed) and `2026-11.month`: days that are over and months, added up (see period.ts). They outlive the hour
 * files. Invariants: a file is replaced atomically; one that is damaged reads as undefined and is made anew while its sources exist.
 */
import type { Files } from "@nethsec/host/host";
import { unzstd, zstd } from "@nethsec/host/files/zstd";
import { mappedFile } from "@nethsec/host/files/mapped-file";
import { isIntact } from "./column-file.ts";
import type { Day } from "./hour-key.ts";
import { twoDigits } from "./hour-key.ts";
import { decodePeriod, encodePeriod, type Period } from "./period.ts";
import { reportMode } from "./report-access.ts";
import { formatDay, parseDay } from "./report-day.ts";

/** Without `day`: the month. */
export type Rolled = Pick<Day, "year" | "month">;

export function rollUpFolder(base: string): string {
  return `${base}/.rollups`;
}

export function rolledDayPath(base: string, day: Day): string {
  return `${rollUpFolder(base)}/${formatDay(day)}.day`;
}

export function rolledMonthPath(base: string, { year, month }: Rolled): string {
  return `${rollUpFolder(base)}/${year}-${twoDigits(month)}.month`;
}

export interface RolledUp {
  /** Oldest first. */
  readonly days: readonly Day[];
  readonly months: readonly Rolled[];
}

export function listRolled(files: Files, base: string): RolledUp {
  const names = files.list(rollUpFolder(base));
  const parsed = (ending: string, day: string): Day[] =>
    names.flatMap((name) => (name.endsWith(ending) ? (parseDay(name.slice(0, -ending.length) + day) ?? []) : []));
  return { days: parsed(".day", ""), months: parsed(".month", "-01") };
}

export function readRolledDay(files: Files, base: string, day: Day): Period | undefined {
  const bytes = files.readBytes(rolledDayPath(base, day));
  const plain = bytes === undefined ? undefined : unzstd(bytes);
  const period = plain === undefined || !isIntact(plain) ? undefined : decodePeriod(plain);
  return period?.slots === 24 ? period : undefined;
}

export function writeRolledDay(files: Files, base: string, period: Period): void {
  files.write(rolledDayPath(base, period.first), zstd(encodePeriod(period)), { mode: reportMode });
}

/**
 * Not compressed, and mapped: a question about a year touches some pages of twelve files. Its content is checked only with `checked`, by the nightly
 * roll-up: it would take longer than most questions.
 */
export function readRolledMonth(files: Files, base: string, month: Rolled, checked = false): Period | undefined {
  const path = rolledMonthPath(base, month);
  // An empty file cannot be mapped.
  if ((files.stat(path)?.size ?? 0) === 0) return undefined;
  const bytes = mappedFile(files.real(path));
  return checked && !isIntact(bytes) ? undefined : decodePeriod(bytes);
}

export function writeRolledMonth(files: Files, base: string, period: Period): void {
  files.write(rolledMonthPath(base, period.first), encodePeriod(period), { mode: reportMode });
}
