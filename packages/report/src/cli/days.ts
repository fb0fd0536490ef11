/** `ns-report days`: the days that have reports. */
import type { Call } from "@nethsec/host/command/command";
import type { Day } from "../store/hour-key.ts";
import { openStore } from "../store/open-store.ts";
import type { DayTotal, ReportStore } from "../store/report-store.ts";
import { UsageError } from "@nethsec/host/error";
import { table } from "@nethsec/host/command/table";
import { formatBytes } from "@nethsec/host/units";
import { csvText } from "../query/export-table.ts";
import { directionTexts } from "../query/direction-text.ts";
import { totalTraffic } from "../query/traffic.ts";
import { directionTitles } from "./report-text.ts";
import { dayTable, tableJson } from "../query/export-rows.ts";
import { formatDay, weekdayNames, weekdayOf } from "../store/report-day.ts";
import { textOption } from "./report-question.ts";
import { nothingYet } from "./nothing-yet.ts";

const sayEveryMs = 2000;

export async function run(call: Call): Promise<number> {
  const month = textOption(call, "month");
  if (month !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(month))
    throw new UsageError(`"${month}" is not a month.`, "Write it as 2026-11.");
  const store = openStore(call);
  const days = await addUp(
    call,
    store,
    store.days().filter((day) => month === undefined || formatDay(day).startsWith(month)),
  );
  if (call.json || call.options["csv"] === true) {
    call.io.out(call.json ? `${JSON.stringify(tableJson(dayTable(days)))}\n` : csvText(dayTable(days)));
    return 0;
  }
  if (days.length === 0)
    return nothingYet(call, month === undefined ? "There are no reports yet." : `There are no reports of ${month}.`);
  const rows = days.map((one) => {
    const { download, upload } = directionTexts(totalTraffic(one));
    const { day, total, clients } = one;
    return [formatDay(day), weekdayNames[weekdayOf(day)] ?? "", `${clients}`, formatBytes(total), download, upload];
  });
  const columns = [
    { title: "Day" },
    { title: "" },
    { title: "Clients", align: "right" },
    { title: "Traffic", align: "right" },
    ...directionTitles,
  ] as const;
  call.io.out(`${table(columns, rows, { color: call.io.color })}\n`);
  return 0;
}

/** Adds up days without a stored total. The totals are stored, also when the command is interrupted. */
async function addUp(
  { host, io, json, signal }: Call,
  store: ReportStore,
  days: readonly Day[],
): Promise<(DayTotal & { readonly day: Day })[]> {
  const found: (DayTotal & { readonly day: Day })[] = [];
  let said = host.clock.monotonic();
  try {
    for (const day of days) {
      if (store.knownTotal(day) === undefined) {
        // Lets the process handle Ctrl-C between two days.
        await new Promise(setImmediate);
        signal.throwIfAborted();
        if (!json && host.clock.monotonic() - said >= sayEveryMs) {
          said = host.clock.monotonic();
          io.err(`Adding up ${formatDay(day)}, ${found.length + 1} of ${days.length} days…\n`);
        }
      }
      found.push({ day, ...store.total(day) });
    }
    return found;
  } finally {
    store.saveTotals();
  }
}
