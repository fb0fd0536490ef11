/** The controller's report tables in memory; refuses what PostgreSQL refuses (recorded: U+0000, keys over 2704 bytes, times out of range). */
import type { Fields } from "./go-json.ts";
import { isSkipped, type Reports, type Table } from "./tables.ts";

export type Row = Readonly<Record<string, string | number>>;

/** PostgreSQL's limit for a row of a B-tree index. PostgreSQL compresses the row first; this imitation does not. */
const maxKeyBytes = 2704;
/** Microseconds from 1970 to 2000, PostgreSQL's epoch; and the range of its time stamps (datatype/timestamp.h). */
const epochMicros = 946_684_800_000_000n;
const [minMicros, endMicros] = [-211_813_488_000_000_000n, 9_223_371_331_200_000_000n];

export class MemoryReports implements Reports {
  readonly #rows = new Map<string, Map<string, Row>>();
  readonly #now: () => number;
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  rows(table: string): readonly Row[] {
    return [...(this.#rows.get(table)?.values() ?? [])];
  }

  clear(): void {
    this.#rows.clear();
  }

  async ingest(table: Table, unit: string, entries: readonly Fields[]): Promise<boolean> {
    const before = this.#rows.get(table.name) ?? new Map<string, Row>();
    const rows = new Map(table.key.length > 0 ? before : [...before].filter(([, row]) => row["uuid"] !== unit));
    for (const [index, entry] of entries.entries()) {
      if (isSkipped(table, entry)) continue;
      if (isRefused(table, entry)) {
        // Dumps that replace all rows are not stored in a transaction: entries before the refused one stay stored.
        if (table.key.length === 0) this.#rows.set(table.name, rows);
        return false;
      }
      const key = JSON.stringify([
        unit,
        ...(table.key.length > 0 ? table.key.map((name) => String(entry[name])) : [index]),
      ]);
      const row = this.#row(table, unit, entry);
      const known = rows.get(key);
      rows.set(key, known === undefined ? row : { ...known, ...pick(row, table.replaced) });
    }
    this.#rows.set(table.name, rows);
    return true;
  }

  #row(table: Table, unit: string, entry: Fields): Row {
    const { timestamp, ...rest } = entry;
    const columns = Object.entries(rest).map(([name, value]) => [
      name,
      typeof value === "bigint" ? shown(value) : value,
    ]);
    return {
      uuid: unit,
      ...(typeof timestamp === "bigint" ? { time: timeOf(timestamp) } : {}),
      ...Object.fromEntries(columns),
      ...(table.country ? { country: "" } : {}),
      ...(table.key.length === 0 ? { created_at: new Date(this.#now()).toISOString() } : {}),
    };
  }
}

const pick = (row: Row, names: readonly string[]): Row =>
  Object.fromEntries(names.map((name) => [name, row[name] ?? ""]));

export const shown = (value: bigint): number | string =>
  value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : String(value);

/** The controller multiplies in 64 bits, which overflow silently. */
export const microsSince2000 = (seconds: bigint): bigint => BigInt.asIntN(64, seconds * 1_000_000n - epochMicros);

function isRefused(table: Table, entry: Fields): boolean {
  const texts = Object.values(entry).filter((value) => typeof value === "string");
  if (texts.some((value) => value.includes("\0"))) return true;
  const keys = table.key.map((name) => entry[name]).filter((value) => typeof value === "string");
  if (keys.reduce((sum, value) => sum + Buffer.byteLength(value), 0) > maxKeyBytes) return true;
  const time = entry["timestamp"];
  if (typeof time !== "bigint") return false;
  const micros = microsSince2000(time);
  return micros < minMicros || micros >= endMicros;
}

/** A UTC time as PostgreSQL writes it in JSON: years have four digits or more. */
function timeOf(seconds: bigint): string {
  const total = (microsSince2000(seconds) + epochMicros) / 1_000_000n;
  // JavaScript's dates end in the year 275760; the Gregorian calendar repeats after 400 years.
  const cycle = 12_622_780_800n;
  const cycles = total > cycle * 400n ? total / cycle - 400n : 0n;
  const date = new Date(Number(total - cycles * cycle) * 1000);
  const year = date.getUTCFullYear() + Number(cycles) * 400;
  return `${String(year).padStart(4, "0")}-${date.toISOString().split("-").slice(-2).join("-").slice(0, 14)}+00:00`;
}
