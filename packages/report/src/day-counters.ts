/**
 * One day of reports for queries: who reads reports reads them by `readDay` (the pages, rpcd, `ns-report`).
 * Built for speed: 1,000 clients × 24 hours are half a million cells; they come as columns, to be gone through once with plain loops.
 * Invariants: rows are grouped by hour, then client; every number is a whole number of bytes; names are as in the hour files (lower
 * case, hostile: they come from the network).
 */
import type { Files } from "@nethsec/host/host";
import type { SectionName } from "./hour-counters.ts";
import type { Day } from "./hour-key.ts";
import { dayBuilder } from "./day-builder.ts";
import { readClientFiles, readHourTables, rebuildIndexes, surveyDay } from "./hour-tables.ts";

export type { Day, SectionName };

export interface DayCounters {
  readonly day: Day;
  /** Addresses, in the order of their folders (byte order). A column's `client` is an index into it. */
  readonly clients: readonly string[];
  /** Bytes of a client in an hour: `totals[client * 24 + hour]`. */
  readonly totals: Float64Array;
  readonly sections: Readonly<Record<SectionName, SectionColumns>>;
  /** Bytes by hour (24) that were reported and belong to no client: unknown flows and addresses that are not clients. */
  readonly unattributed: Float64Array;
}

/** Row r says: `clients[client[r]]` moved `bytes[r]` in `hour[r]` with `names[name[r]]`. */
export interface SectionColumns {
  readonly names: readonly string[];
  readonly rows: number;
  readonly client: Uint32Array;
  readonly hour: Uint8Array;
  readonly name: Uint32Array;
  readonly bytes: Float64Array;
}

/**
 * The counters of one day under `base` (e.g. /var/run/dpireport); a day that is not there is empty. `onlyClient` takes one client only.
 * Uses the hour indexes where they are newer than the hour files and the files where they are not. Throws what `Files` throws when
 * something is there and cannot be read.
 */
export function readDay(files: Files, base: string, day: Day, onlyClient?: string): DayCounters {
  const builder = dayBuilder(day);
  if (onlyClient === undefined) readHourTables(files, base, day, builder);
  else readClientFiles(files, base, day, builder, onlyClient);
  return builder.finish();
}

/**
 * Writes the hour indexes of a day that is over, if any is missing or older than its files (days of another ns-report, restored days).
 * `now`: wall clock, milliseconds. Returns whether it wrote. Today belongs to the daemon: this leaves it alone.
 */
export function refreshDay(files: Files, base: string, day: Day, now: number): boolean {
  const firstMomentAfter = new Date(day.year, day.month - 1, day.day + 1).getTime();
  if (now < firstMomentAfter + 600_000) return false;
  if (surveyDay(files, base, day).complete) return false;
  rebuildIndexes(files, base, day, now);
  return true;
}
