/** What a report is about, read from the store and added up. */
import { isAddress } from "../store/client-address.ts";
import type { Day } from "../store/hour-key.ts";
import type { DayRange } from "../store/read-range.ts";
import type { ReportStore } from "../store/report-store.ts";
import { summariseRange, type RangeSummary } from "./range-summary.ts";
import type { Narrow } from "./narrow.ts";
import { summarise, type Summary } from "./summary.ts";

/** `whole`: reads all of the day, also for a question about one address; for callers that ask again about the same day. */
export function askDay(store: Pick<ReportStore, "day">, day: Day, narrow: Narrow, whole = false): Summary {
  return summarise(store.day(day, whole ? undefined : onlyAddress(narrow)), narrow);
}

/** The address that is asked about, of which alone a day must be read; undefined: more than one may be. */
export function onlyAddress({ client }: Narrow): string | undefined {
  return client !== undefined && isAddress(client) ? client : undefined;
}

export function askRange(
  store: Pick<ReportStore, "periods">,
  range: DayRange,
  narrow: Omit<Narrow, "hour"> = {},
): RangeSummary {
  return summariseRange((days, byDay) => store.periods(days, byDay), range, narrow);
}
