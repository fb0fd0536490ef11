/** Reads one day of reports, for all readers (the pages, rpcd, `ns-report`). */
import type { Files } from "@nethsec/host/host";
import type { Day } from "./hour-key.ts";
import { dayBuilder } from "./day-builder.ts";
import type { DayCounters } from "./day-counters.ts";
import type { OwnerOf } from "./device-log.ts";
import { readClientFiles, readHourTables, type OneClient } from "./hour-tables.ts";

/**
 * The counters of one day under `base` (e.g. /var/run/dpireport); a missing day is empty. `only` reads one client only. Uses the hour indexes
 * where they are newer than the hour files, and the files elsewhere. `owner`: who had which address. Throws the errors of `Files` when a file exists but cannot be read.
 */
export function readDay(files: Files, base: string, day: Day, only?: string | OneClient, owner?: OwnerOf): DayCounters {
  const builder = dayBuilder(day, owner);
  if (only === undefined) readHourTables(files, base, day, builder);
  else readClientFiles(files, base, day, builder, typeof only === "string" ? { client: only } : only);
  return builder.finish();
}
