/**
 * A range of days, narrowed, as totals, bars and sorted lists: the same answer for a week as for years. Pure: reads periods one after the other.
 * What is not there is said: bars without a record are gaps, and days whose names are gone are counted.
 */
import type { SectionName } from "../store/hour-counters.ts";
import type { Day } from "../store/hour-key.ts";
import type { Period, PeriodSection } from "../store/period.ts";
import type { DayRange } from "../store/read-range.ts";
import { addDays, dayNumber, daysInMonth, isBefore, weekdayOf } from "../store/report-day.ts";
import { rangeDays } from "./asked-range.ts";
import { sortedUsages, type Narrow, type Usage } from "./summary.ts";

export type Unit = "hour" | "day" | "week" | "month";

export interface RangeBar extends DayRange {
  /** Of a single day: the hour. */
  readonly hour?: number;
  /** undefined: nothing was recorded. */
  readonly bytes: number | undefined;
}

export interface RangeSummary {
  readonly total: number;
  readonly unit: Unit;
  readonly bars: readonly RangeBar[];
  readonly clients: readonly Usage[];
  /** Absent when narrowed to one name. */
  readonly sections: Readonly<Record<SectionName, readonly Usage[]>> | undefined;
  readonly unattributed: number;
  /** Days of the range with a record. */
  readonly recordedDays: number;
  /** Recorded days of which only totals are left. */
  readonly daysWithoutNames: number;
}

/** Reads the periods of a range; see `readRange`. */
export type ReadPeriods = (range: DayRange, byDay: boolean) => Iterable<Period>;

const mostDayBars = 62;
const mostWeekDays = 400;

export function summariseRange(read: ReadPeriods, range: DayRange, narrow: Omit<Narrow, "hour"> = {}): RangeSummary {
  const unit = unitOf(range, narrow);
  const sums = new RangeSums(range, narrow);
  for (const period of read(range, unit === "day" && narrow.value !== undefined)) sums.add(period);
  return sums.finish(unit);
}

/** Names are kept by day or by month, so that a name's chart has days or months. */
function unitOf(range: DayRange, { value }: Pick<Narrow, "value">): Unit {
  const days = rangeDays(range);
  if (days === 1 && value === undefined) return "hour";
  if (days <= mostDayBars) return "day";
  return days <= mostWeekDays && value === undefined ? "week" : "month";
}

class RangeSums {
  readonly #range: DayRange;
  readonly #narrow: Omit<Narrow, "hour">;
  readonly #days: Float64Array;
  readonly #recorded: Uint8Array;
  readonly #hours = new Float64Array(24);
  #hoursRecorded = 0;
  readonly #clients = new Map<string, number>();
  readonly #names = {
    protocol: new Map<string, number>(),
    application: new Map<string, number>(),
    host: new Map<string, number>(),
  };
  #unattributed = 0;
  #daysWithoutNames = 0;

  constructor(range: DayRange, narrow: Omit<Narrow, "hour">) {
    this.#range = range;
    this.#narrow = narrow;
    this.#days = new Float64Array(rangeDays(range));
    this.#recorded = new Uint8Array(this.#days.length);
  }

  add(period: Period): void {
    const { client, section, value } = this.#narrow;
    const wanted = client === undefined ? undefined : period.clients.indexOf(client);
    this.#note(period);
    if (section !== undefined && value !== undefined) {
      this.#addName(period, period.sections[section], value, wanted);
      return;
    }
    this.#addTotals(period, wanted);
    for (const name of ["protocol", "application", "host"] as const)
      addNames(period.sections[name], wanted, this.#names[name]);
    if (client === undefined) this.#unattributed += period.unattributed.reduce((sum, bytes) => sum + bytes, 0);
  }

  finish(unit: Unit): RangeSummary {
    const clients = sortedUsages(this.#clients);
    const byName = this.#narrow.value !== undefined;
    return {
      total: clients.reduce((sum, { bytes }) => sum + bytes, 0),
      unit,
      bars: unit === "hour" ? this.#hourBars() : this.#bars(unit),
      clients,
      sections: byName
        ? undefined
        : {
            protocol: sortedUsages(this.#names.protocol),
            application: sortedUsages(this.#names.application),
            host: sortedUsages(this.#names.host),
          },
      unattributed: this.#unattributed,
      recordedDays: this.#recorded.reduce((sum, one) => sum + one, 0),
      daysWithoutNames: this.#daysWithoutNames,
    };
  }

  /** Which days, and which hours of a single day, have a record. */
  #note(period: Period): void {
    const isDay = period.slots === 24;
    for (let slot = 0; slot < (isDay ? 1 : period.slots); slot++) {
      if (!isDay && ((period.present >>> slot) & 1) === 0) continue;
      this.#recorded[this.#index(period, slot)] = 1;
      if (period.isWithoutNames === true) this.#daysWithoutNames += 1;
    }
    if (isDay) this.#hoursRecorded |= period.present;
  }

  #index({ first, slots }: Period, slot: number): number {
    return dayNumber(first) + (slots === 24 ? 0 : slot) - dayNumber(this.#range.from);
  }

  #addTotals(period: Period, wanted: number | undefined): void {
    const { clients, totals, slots } = period;
    for (let at = 0; at < clients.length; at++) {
      if (wanted !== undefined && wanted !== at) continue;
      let sum = 0;
      for (let slot = 0; slot < slots; slot++) {
        const bytes = totals[at * slots + slot] ?? 0;
        if (bytes === 0) continue;
        sum += bytes;
        const day = this.#index(period, slot);
        this.#days[day] = (this.#days[day] ?? 0) + bytes;
        if (slots === 24) this.#hours[slot] = (this.#hours[slot] ?? 0) + bytes;
      }
      addTo(this.#clients, clients[at] ?? "", sum);
    }
  }

  /** Bytes of one name. Those of a month are all in its first day: its bars are months then. */
  #addName(
    period: Period,
    { names, counts, name, bytes }: PeriodSection,
    value: string,
    wanted: number | undefined,
  ): void {
    const id = names.indexOf(value);
    if (id < 0) return;
    const day = Math.max(0, this.#index(period, 0));
    let row = 0;
    for (let at = 0; at < counts.length; at++) {
      const end = row + (counts[at] ?? 0);
      if (wanted !== undefined && wanted !== at) row = end;
      for (; row < end; row++) {
        if (name[row] !== id) continue;
        addTo(this.#clients, period.clients[at] ?? "", bytes[row] ?? 0);
        this.#days[day] = (this.#days[day] ?? 0) + (bytes[row] ?? 0);
      }
    }
  }

  #hourBars(): RangeBar[] {
    return Array.from(this.#hours, (bytes, hour) => ({
      ...this.#range,
      hour,
      bytes: bytes > 0 || (this.#hoursRecorded >>> hour) & 1 ? bytes : undefined,
    }));
  }

  #bars(unit: Unit): RangeBar[] {
    const bars: RangeBar[] = [];
    for (let from = this.#range.from; !isBefore(this.#range.to, from);) {
      const last = lastOf(from, unit);
      const to = isBefore(this.#range.to, last) ? this.#range.to : last;
      const begin = dayNumber(from) - dayNumber(this.#range.from);
      const end = begin + rangeDays({ from, to });
      const isRecorded = this.#recorded.subarray(begin, end).includes(1);
      const bytes = this.#days.subarray(begin, end).reduce((sum, one) => sum + one, 0);
      bars.push({ from, to, bytes: isRecorded ? bytes : undefined });
      from = addDays(to, 1);
    }
    return bars;
  }
}

/** The last day of the day's week (Sunday) or month. */
function lastOf(day: Day, unit: Unit): Day {
  if (unit === "week") return addDays(day, 6 - weekdayOf(day));
  return unit === "month" ? { ...day, day: daysInMonth(day.year, day.month) } : day;
}

function addNames(
  { names, counts, name, bytes }: PeriodSection,
  wanted: number | undefined,
  into: Map<string, number>,
): void {
  const sums = new Float64Array(names.length);
  let row = 0;
  for (let at = 0; at < counts.length; at++) {
    const end = row + (counts[at] ?? 0);
    if (wanted !== undefined && wanted !== at) row = end;
    for (; row < end; row++) sums[name[row] ?? 0] = (sums[name[row] ?? 0] ?? 0) + (bytes[row] ?? 0);
  }
  // Of one client few names are needed: decodes no others.
  const text = wanted === undefined ? names.all() : undefined;
  for (let id = 0; id < sums.length; id++)
    if ((sums[id] ?? 0) > 0) addTo(into, text?.[id] ?? names.at(id), sums[id] ?? 0);
}

function addTo(sums: Map<string, number>, key: string, bytes: number): void {
  if (bytes > 0) sums.set(key, (sums.get(key) ?? 0) + bytes);
}
