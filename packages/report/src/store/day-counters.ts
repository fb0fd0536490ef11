/**
 * One day of reports, as queries get it (`read-day.ts`).
 * Built for speed: 1,000 clients × 24 hours are a million cells. They stay in the columns of their hour indexes and are processed once with plain
 * loops; only names are renumbered for the day.
 * Invariants: every number is a whole number of bytes; names are as in the hour files (lower case, and untrusted: they come from the network).
 */
import { downloadOf, uploadOf, type Directions } from "./directions.ts";
import type { SectionName } from "./hour-counters.ts";
import type { Day } from "./hour-key.ts";

export type { Day, SectionName };

export interface DayCounters {
  readonly day: Day;
  /** In the order of the addresses' folders (byte order); see `client-key.ts`. Those without traffic are possible. */
  readonly clients: readonly string[];
  /** Bytes of a client in an hour: `totals[client * 24 + hour]`. */
  readonly totals: Float64Array;
  /** The bytes of `totals` that went to the clients and from them, laid out alike; the direction of the rest is not known. */
  readonly download: Float64Array;
  readonly upload: Float64Array;
  readonly sections: Readonly<Record<SectionName, SectionColumns>>;
  /** Bytes by hour (24) that were reported and belong to no client: unknown flows and addresses that are not clients. */
  readonly unattributed: Float64Array;
}

export interface SectionColumns {
  /** Each name once. */
  readonly names: readonly string[];
  readonly parts: readonly SectionPart[];
}

/** Rows of one hour, in the order of the part's own clients: the first `counts[0]` rows belong to the first client. */
export interface SectionPart {
  readonly hour: number;
  /** Maps the part's own clients to indexes into `DayCounters.clients`; -1: the client's rows are not part of the day. */
  readonly clients: Int32Array;
  readonly counts: Uint32Array;
  /** By row: index into the part's `names`. */
  readonly name: Uint32Array;
  /** Maps the part's own names to indexes into `SectionColumns.names`. */
  readonly names: Uint32Array;
  /** Bytes by row. */
  readonly bytes: Float64Array;
  /** By row. undefined: not known. */
  readonly directions: Directions | undefined;
}

/** `clients[client]` had `bytes` in `hour` with `names[name]`. */
export interface SectionRow {
  readonly client: number;
  readonly hour: number;
  readonly name: number;
  readonly bytes: number;
  readonly download: number;
  readonly upload: number;
}

/** All rows, by hour, then client: for callers that need every row but not speed. */
export function* eachRow({ parts }: SectionColumns): Generator<SectionRow> {
  for (const { hour, clients, counts, name, names, bytes: column, directions } of parts) {
    let row = 0;
    for (const [index, client] of clients.entries()) {
      for (const end = row + (counts[index] ?? 0); row < end; row++) {
        if (client < 0) continue;
        const bytes = column[row] ?? 0;
        const download = downloadOf(directions, row, bytes);
        const upload = uploadOf(directions, row);
        yield { client, hour, name: names[name[row] ?? 0] ?? 0, bytes, download, upload };
      }
    }
  }
}
