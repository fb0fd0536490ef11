/**
 * Days of reports for any reader: reads them, and caches the last ones read.
 *
 * Invariants: at most two days are kept in memory; today's counters are never older than `freshMs`; the totals of a finished day are computed once
 * and stored in a small file, which may be deleted at any time.
 */
import * as v from "valibot";
import type { Files } from "@nethsec/host/host";
import { clientRow } from "./client-key.ts";
import type { DayCounters } from "./day-counters.ts";
import { DeviceLog, type OwnerOf } from "./device-log.ts";
import type { Period } from "./period.ts";
import { readRange, type DayRange } from "./read-range.ts";
import type { OneClient } from "./hour-tables.ts";
import { readDay } from "./read-day.ts";
import type { Day } from "./hour-key.ts";
import { dayPath, listDays } from "./hour-store.ts";
import { dayAt, formatDay, isOver } from "./report-day.ts";

/** Totals of one day, in bytes. */
export interface DayTotal {
  readonly total: number;
  /** The bytes of `total` that are known to have gone to the clients, and from them. */
  readonly download: number;
  readonly upload: number;
  readonly unattributed: number;
  /** Number of clients with traffic; the addresses of a known device are one. */
  readonly clients: number;
}

const keptDays = 2;
const freshMs = 2000;
const totalsPath = "/var/run/ns-report/days.json";
const maxTotals = 4000;

const totalsSchema = v.object({
  base: v.string(),
  days: v.record(
    v.string(),
    v.object({
      total: v.number(),
      // Absent in a file of an earlier version, which knew no directions.
      download: v.optional(v.number(), 0),
      upload: v.optional(v.number(), 0),
      unattributed: v.number(),
      clients: v.number(),
      changed: v.number(),
    }),
  ),
});
type KeptTotal = DayTotal & { readonly changed: number };

export interface ReportStoreNeeds {
  readonly files: Files;
  /** Where dpireport writes, e.g. /var/run/dpireport. */
  readonly base: string;
  /** Wall clock, milliseconds. */
  readonly now: () => number;
  /** Clients are addresses, as in the hour files, even where their devices are known. */
  readonly byAddress?: boolean;
}

export class ReportStore {
  readonly #needs: ReportStoreNeeds;
  readonly #kept = new Map<string, { readonly counters: DayCounters; readonly at: number }>();
  readonly #devices: DeviceLog | undefined;
  #totals: Map<string, KeptTotal> | undefined;
  #changed = false;

  constructor(needs: ReportStoreNeeds) {
    this.#needs = needs;
    this.#devices = needs.byAddress === true ? undefined : new DeviceLog(needs.files, needs.base);
  }

  get base(): string {
    return this.#needs.base;
  }

  today(): Day {
    return dayAt(this.#needs.now());
  }

  /** Days that have reports, oldest first. */
  days(): Day[] {
    return listDays(this.#needs.files, this.#needs.base);
  }

  /** Who had which address on a day. */
  owners(day: Day): OwnerOf | undefined {
    return this.#devices?.of(day);
  }

  /** A day without reports is empty. With `only` the result may contain only that client's counters. */
  day(day: Day, only?: string | OneClient): DayCounters {
    const key = formatDay(day);
    const now = this.#needs.now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && (isOver(day, kept.at) || Math.abs(now - kept.at) < freshMs)) return kept.counters;
    const counters = readDay(this.#needs.files, this.#needs.base, day, only, this.owners(day));
    if (only !== undefined) return counters;
    this.#kept.delete(key);
    this.#kept.set(key, { counters, at: now });
    const oldest = this.#kept.keys().next();
    if (this.#kept.size > keptDays && oldest.done !== true) this.#kept.delete(oldest.value);
    return counters;
  }

  /** The counters of a range; see `readRange`. */
  periods(range: DayRange, byDay = false): Iterable<Period> {
    const { files, base } = this.#needs;
    return readRange({ files, base, day: (day) => this.day(day) }, range, byDay);
  }

  /** Whether the hours of a day are there; else its roll-up may be. */
  hasHours(day: Day): boolean {
    return this.#needs.files.exists(dayPath(this.#needs.base, day));
  }

  /** The stored totals of a day, possibly computed by another process; undefined when they would have to be computed. */
  knownTotal(day: Day): DayTotal | undefined {
    const known = this.#knownTotals().get(formatDay(day));
    return known !== undefined && known.changed === this.#changedAt(day) ? known : undefined;
  }

  /** The totals of a day, computed if they are not stored. */
  total(day: Day): DayTotal {
    const known = this.knownTotal(day);
    if (known !== undefined) return known;
    const total = totalOf(this.day(day));
    if (isOver(day, this.#needs.now())) {
      this.#knownTotals().set(formatDay(day), { ...total, changed: this.#changedAt(day) });
      this.#changed = true;
    }
    return total;
  }

  /** Changes when files of the day are replaced by a dump or removed. */
  #changedAt(day: Day): number {
    return this.#needs.files.stat(dayPath(this.#needs.base, day))?.mtimeMs ?? 0;
  }

  /** Stores the totals found since the last call; if they cannot be written, they are only computed again. */
  saveTotals(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const days = Object.fromEntries([...this.#knownTotals()].sort(([a], [b]) => (a < b ? -1 : 1)).slice(-maxTotals));
    try {
      this.#needs.files.write(totalsPath, `${JSON.stringify({ base: this.#needs.base, days })}\n`);
    } catch {
      // Not root, or a full disk: computed again the next time.
    }
  }

  #knownTotals(): Map<string, KeptTotal> {
    this.#totals ??= this.#loadTotals();
    return this.#totals;
  }

  #loadTotals(): Map<string, KeptTotal> {
    try {
      const kept = v.parse(totalsSchema, JSON.parse(this.#needs.files.readText(totalsPath) ?? ""));
      return kept.base === this.#needs.base ? new Map(Object.entries(kept.days)) : new Map();
    } catch {
      return new Map();
    }
  }
}

function totalOf(counters: DayCounters): DayTotal {
  const sum = (list: Float64Array): number => list.reduce((all, bytes) => all + bytes, 0);
  const rows = new Set<string>();
  for (const [index, key] of counters.clients.entries()) {
    if (counters.totals.subarray(index * 24, index * 24 + 24).some((bytes) => bytes > 0)) rows.add(clientRow(key));
  }
  const [total, download, upload] = [sum(counters.totals), sum(counters.download), sum(counters.upload)];
  return { total, download, upload, unattributed: sum(counters.unattributed), clients: rows.size };
}
