/**
 * The counters of a whole day or month, added up: what a roll-up holds and every query about a range reads. Pure.
 * A period has slots: the hours of a day, or the days of a month. Totals are kept by slot; names are kept as one sum with the slots in which they occur.
 * Invariants: a client's totals add up to the totals of its days; names beyond a bound are folded into `other`, so that sums stay exact.
 */
import { decodeColumns, encodeColumns } from "./column-file.ts";
import { downloadOf, joinDirections, splitDirections, uploadOf, type Directions } from "./directions.ts";
import { TextColumn } from "./text-column.ts";
import { sectionNames, type SectionName } from "./hour-counters.ts";
import type { Day } from "./hour-key.ts";

/** "NSP3". */
const magic = 0x3350_534e;
/**
 * Still read: "NSP2" (before devices were kept; its clients are addresses), and "NSP1" (before directions were kept; without their columns, which come
 * last among the doubles and words).
 */
const earlierMagics = [0x3250_534e, 0x3150_534e];

export interface Period {
  /** The day, or the first of the month. */
  readonly first: Day;
  /** 24, or the number of the month's days. */
  readonly slots: number;
  /** Bit n is set when slot n was recorded; other slots are gaps, not zeros. */
  readonly present: number;
  /** By slot of a month: modification time of the day's roll-up that is included (0: not included). Of a day: the wall clock when it was added up. */
  readonly versions: Float64Array;
  /** See `client-key.ts`. */
  readonly clients: readonly string[];
  /** Bytes: `totals[client * slots + slot]`. */
  readonly totals: Float64Array;
  /** Of the totals. undefined: not known. */
  readonly directions: Directions | undefined;
  /** Bytes by slot that belong to no client. */
  readonly unattributed: Float64Array;
  readonly sections: Readonly<Record<SectionName, PeriodSection>>;
  /** Set when only totals are known, because the days' own files are gone and the month's names are those of all its days. */
  readonly isWithoutNames?: true;
}

/** Rows in the order of the clients: the first `counts[0]` rows belong to the first client. */
export interface PeriodSection {
  readonly names: TextColumn;
  readonly counts: Uint32Array;
  /** By row: index into `names`. */
  readonly name: Uint32Array;
  readonly bytes: Float64Array;
  /** By row. undefined: not known. */
  readonly directions: Directions | undefined;
  /** By row: bit n is set when the name occurred in slot n. */
  readonly when: Uint32Array;
}

/** Columns that every version has: versions, totals, unattributed and the bytes of three sections; the head and three columns of each section. */
const sumColumns = 6;
const headAndRows = 10;

export function encodePeriod(period: Period): Uint8Array<ArrayBuffer> {
  const { first, sections } = period;
  const list = sectionNames.map((name) => sections[name]);
  const directions = splitDirections([period, ...list].map((one) => one.directions));
  return encodeColumns(magic, {
    doubles: [
      period.versions,
      period.totals,
      period.unattributed,
      ...list.map(({ bytes }) => bytes),
      ...directions.doubles,
    ],
    words: [
      Uint32Array.of(first.year, first.month, first.day, period.slots, period.present),
      ...list.flatMap(({ counts, name, when }) => [counts, name, when]),
      ...directions.words,
    ],
    texts: [TextColumn.of(period.clients), ...list.map(({ names }) => names)],
  });
}

/** undefined when the bytes have not the form of a period; `isIntact` checks their content. */
export function decodePeriod(bytes: Uint8Array): Period | undefined {
  let columns = decodeColumns(magic, bytes);
  for (const earlier of earlierMagics) columns ??= decodeColumns(earlier, bytes);
  if (columns === undefined) return undefined;
  const { doubles, words, texts } = columns;
  const [head, ...rows] = words.slice(0, headAndRows);
  const [versions, totals, unattributed, ...sums] = doubles.slice(0, sumColumns);
  const [ofTotals, ...ofSections] = joinDirections(doubles.slice(sumColumns), words.slice(headAndRows));
  const [clients, ...names] = texts;
  if (head === undefined || versions === undefined || totals === undefined) return undefined;
  if (unattributed === undefined || clients === undefined) return undefined;
  const [year = 0, month = 0, day = 0, slots = 0, present = 0] = head;
  const section = (index: number): PeriodSection => ({
    names: names[index] ?? TextColumn.of([]),
    counts: rows[3 * index] ?? new Uint32Array(),
    name: rows[3 * index + 1] ?? new Uint32Array(),
    when: rows[3 * index + 2] ?? new Uint32Array(),
    bytes: sums[index] ?? new Float64Array(),
    directions: ofSections[index],
  });
  const sections = { protocol: section(0), application: section(1), host: section(2) };
  return {
    first: { year, month, day },
    slots,
    present,
    versions,
    clients: clients.all(),
    totals,
    directions: ofTotals,
    unattributed,
    sections,
  };
}

/** Bytes of all clients. */
export function totalOf({ totals }: Period): number {
  let sum = 0;
  for (const bytes of totals) sum += bytes;
  return sum;
}

/** Bytes of all clients whose direction is known. */
export function directedOf({ totals, directions }: Period): number {
  let sum = 0;
  for (let cell = 0; cell < totals.length; cell++)
    sum += downloadOf(directions, cell, totals[cell] ?? 0) + uploadOf(directions, cell);
  return sum;
}
