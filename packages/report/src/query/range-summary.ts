/**
 * A range of days, narrowed, as totals, bars and sorted lists: the same answer for a week as for years. Pure: reads periods one after the other.
 * What is not there is said: bars without a record are gaps, and days whose names are gone are counted.
 */
import { downloadOf, uploadOf, type ByteColumn, type Directions } from "../store/directions.ts";
import type { SectionName } from "../store/hour-counters.ts";
import type { Day } from "../store/hour-key.ts";
import type { Period, PeriodSection } from "../store/period.ts";
import type { DayRange } from "../store/read-range.ts";
import { addDays, dayNumber, daysInMonth, isBefore, weekdayOf } from "../store/report-day.ts";
import { rangeDays } from "./asked-range.ts";
import type { Narrow } from "./narrow.ts";
import { clientRows, wantedClients, type ClientUsage } from "./client-rows.ts";
import { trafficOf, UsageSums, type Usage } from "./traffic.ts";

export type Unit = "hour" | "day" | "week" | "month";

export interface RangeBar extends DayRange {
  /** Of a single day: the hour. */
  readonly hour?: number;
  /** undefined: nothing was recorded. */
  readonly bytes: number | undefined;
}

export interface RangeSummary {
  readonly total: number;
  /** The bytes of `total` that are known to have gone to the clients, and from them. */
  readonly download: number;
  readonly upload: number;
  /** The first day of the range with a known direction; undefined: none has, or the first recorded one. */
  readonly directionsSince: Day | undefined;
  readonly unit: Unit;
  readonly bars: readonly RangeBar[];
  readonly clients: readonly ClientUsage[];
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

/** 1 for each of a period's clients that counts; undefined: all do. */
type Only = Uint8Array | undefined;

class RangeSums {
  readonly #range: DayRange;
  readonly #narrow: Omit<Narrow, "hour">;
  readonly #days: Float64Array;
  readonly #recorded: Uint8Array;
  readonly #hours = new Float64Array(24);
  #hoursRecorded = 0;
  readonly #clients = new UsageSums();
  readonly #names = { protocol: new UsageSums(), application: new UsageSums(), host: new UsageSums() };
  #firstDay = Number.POSITIVE_INFINITY;
  #firstDirections = Number.POSITIVE_INFINITY;
  #unattributed = 0;
  #daysWithoutNames = 0;

  constructor(range: DayRange, narrow: Omit<Narrow, "hour">) {
    this.#range = range;
    this.#narrow = narrow;
    this.#days = new Float64Array(rangeDays(range));
    this.#recorded = new Uint8Array(this.#days.length);
  }

  add(period: Period): void {
    const { section, value } = this.#narrow;
    const wanted = wantedClients(this.#narrow);
    const only = wanted === undefined ? undefined : Uint8Array.from(period.clients, (key) => Number(wanted(key)));
    this.#note(period);
    if (section !== undefined && value !== undefined) {
      this.#addName(period, period.sections[section], value, only);
      return;
    }
    this.#addTotals(period, only);
    for (const name of ["protocol", "application", "host"] as const)
      addNames(period.sections[name], only, this.#names[name]);
    if (only === undefined) this.#unattributed += period.unattributed.reduce((sum, bytes) => sum + bytes, 0);
  }

  finish(unit: Unit): RangeSummary {
    const clients = clientRows(this.#clients.sorted());
    const { bytes: total, download, upload } = trafficOf(clients);
    const byName = this.#narrow.value !== undefined;
    return {
      total,
      download,
      upload,
      directionsSince: this.#directionsSince(),
      unit,
      bars: unit === "hour" ? this.#hourBars() : this.#bars(unit),
      clients,
      sections: byName
        ? undefined
        : {
            protocol: this.#names.protocol.sorted(),
            application: this.#names.application.sorted(),
            host: this.#names.host.sorted(),
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
      const day = this.#index(period, slot);
      this.#recorded[day] = 1;
      this.#firstDay = Math.min(this.#firstDay, day);
      if (day < this.#firstDirections && hasDirections(period, slot)) this.#firstDirections = day;
      if (period.isWithoutNames === true) this.#daysWithoutNames += 1;
    }
    if (isDay) this.#hoursRecorded |= period.present;
  }

  #directionsSince(): Day | undefined {
    const isLater = this.#firstDirections > this.#firstDay && Number.isFinite(this.#firstDirections);
    return isLater ? addDays(this.#range.from, this.#firstDirections) : undefined;
  }

  #index({ first, slots }: Period, slot: number): number {
    return dayNumber(first) + (slots === 24 ? 0 : slot) - dayNumber(this.#range.from);
  }

  #addTotals(period: Period, only: Only): void {
    const { clients, totals, slots, directions } = period;
    for (let at = 0; at < clients.length; at++) {
      if (only?.[at] === 0) continue;
      let [sum, download, upload] = [0, 0, 0];
      for (let slot = 0; slot < slots; slot++) {
        const cell = at * slots + slot;
        const bytes = totals[cell] ?? 0;
        if (bytes === 0) continue;
        sum += bytes;
        download += downloadOf(directions, cell, bytes);
        upload += uploadOf(directions, cell);
        const day = this.#index(period, slot);
        this.#days[day] = (this.#days[day] ?? 0) + bytes;
        if (slots === 24) this.#hours[slot] = (this.#hours[slot] ?? 0) + bytes;
      }
      this.#clients.add(clients[at] ?? "", sum, download, upload);
    }
  }

  /** Bytes of one name. Those of a month are all in its first day: its bars are months then. */
  #addName(period: Period, section: PeriodSection, value: string, only: Only): void {
    const { names, counts, name, bytes: column, directions } = section;
    const id = names.indexOf(value);
    if (id < 0) return;
    const day = Math.max(0, this.#index(period, 0));
    let row = 0;
    for (let at = 0; at < counts.length; at++) {
      const end = row + (counts[at] ?? 0);
      if (only?.[at] === 0) row = end;
      for (; row < end; row++) {
        if (name[row] !== id) continue;
        const bytes = column[row] ?? 0;
        const client = period.clients[at] ?? "";
        this.#clients.add(client, bytes, downloadOf(directions, row, bytes), uploadOf(directions, row));
        this.#days[day] = (this.#days[day] ?? 0) + bytes;
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

/** Whether any client has a known direction: in a day, or in a slot of a month. */
function hasDirections({ clients, totals, slots, directions }: Period, slot: number): boolean {
  if (directions === undefined) return false;
  const step = slots === 24 ? 1 : slots;
  for (let cell = slots === 24 ? 0 : slot; cell < clients.length * slots; cell += step)
    if (downloadOf(directions, cell, totals[cell] ?? 0) + uploadOf(directions, cell) > 0) return true;
  return false;
}

function addNames(section: PeriodSection, only: Only, into: UsageSums): void {
  const { names, directions } = section;
  const sums = new Float64Array(names.length);
  const upload = new Float64Array(names.length);
  if (directions === undefined) addBytes(section, only, sums);
  else addBytesAndUpload(section, directions.upload, only, sums, upload);
  // Without directions all bytes are rest.
  const rest = directions === undefined ? sums : restByName(section, directions, only);
  // Of some clients few names are needed: decodes no others.
  const text = only === undefined ? names.all() : undefined;
  for (let id = 0; id < sums.length; id++) {
    const [all, sent] = [sums[id] ?? 0, upload[id] ?? 0];
    if (all > 0) into.add(text?.[id] ?? names.at(id), all, all - sent - (rest[id] ?? 0), sent);
  }
}

/** The bytes without a direction, by index of the section's names; few rows have any. */
function restByName({ names, counts, name }: PeriodSection, { restRows, rest }: Directions, only: Only): Float64Array {
  const sums = new Float64Array(names.length);
  let [row, at] = [0, 0];
  for (let client = 0; client < counts.length && at < restRows.length; client++) {
    row += counts[client] ?? 0;
    for (; at < restRows.length && (restRows[at] ?? 0) < row; at++) {
      const id = name[restRows[at] ?? 0] ?? 0;
      if (only?.[client] !== 0) sums[id] = (sums[id] ?? 0) + (rest[at] ?? 0);
    }
  }
  return sums;
}

/** Adds the bytes of each name. */
function addBytes({ counts, name, bytes }: PeriodSection, only: Only, into: Float64Array): void {
  let row = 0;
  for (let at = 0; at < counts.length; at++) {
    const end = row + (counts[at] ?? 0);
    if (only?.[at] === 0) row = end;
    for (; row < end; row++) into[name[row] ?? 0] = (into[name[row] ?? 0] ?? 0) + (bytes[row] ?? 0);
  }
}

/** The same, and the upload. */
function addBytesAndUpload(
  { counts, name, bytes }: PeriodSection,
  upload: ByteColumn,
  only: Only,
  into: Float64Array,
  uploadInto: Float64Array,
): void {
  let row = 0;
  for (let at = 0; at < counts.length; at++) {
    const end = row + (counts[at] ?? 0);
    if (only?.[at] === 0) row = end;
    for (; row < end; row++) {
      const id = name[row] ?? 0;
      into[id] = (into[id] ?? 0) + (bytes[row] ?? 0);
      uploadInto[id] = (uploadInto[id] ?? 0) + (upload[row] ?? 0);
    }
  }
}
