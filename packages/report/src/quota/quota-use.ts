/** How much of each quota is used. */
import { rangeFrom } from "../query/asked-range.ts";
import { askRange } from "../query/ask.ts";
import { deviceIn } from "../query/client-rows.ts";
import type { RangeSummary } from "../query/range-summary.ts";
import type { Usage } from "../query/traffic.ts";
import { formatDay } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import type { Quota } from "./quota.ts";

export interface QuotaUse {
  readonly name: string;
  readonly title: string;
  /** Bytes in this cycle, and allowed in one. */
  readonly used: number;
  readonly bytes: number;
  /** First day of the cycle, "2026-11-15". */
  readonly since: string;
  /** The range of the cycle, as pages and commands take it. */
  readonly range: string;
  /** The highest level reached, percent; undefined: none. */
  readonly reached: number | undefined;
  readonly levels: readonly number[];
  /** Addresses that count, with traffic. */
  readonly clients: readonly Usage[];
}

/** Reads each cycle once, whatever the number of quotas. */
export function quotaUses(store: Pick<ReportStore, "today" | "periods">, quotas: readonly Quota[]): QuotaUse[] {
  const read = new Map<string, RangeSummary>();
  return quotas.map((quota): QuotaUse => {
    const key = `this-cycle-${quota.cycle}`;
    const range = rangeFrom(key, store.today());
    if (range === undefined) throw new Error(`${key} is a range`);
    const summary = read.get(key) ?? askRange(store, range);
    read.set(key, summary);
    const clients = summary.clients.flatMap((row) =>
      (row.addresses ?? [row]).filter(({ id }) => quota.has(id, deviceIn(row))),
    );
    const used = clients.reduce((sum, { bytes }) => sum + bytes, 0);
    const { name, title, bytes, levels } = quota;
    const reached = levels.findLast((percent) => used * 100 >= bytes * percent);
    return { name, title, used, bytes, since: formatDay(range.from), range: key, reached, levels, clients };
  });
}
