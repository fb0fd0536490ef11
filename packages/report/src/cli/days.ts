/** `ns-report days`: the days that have reports. */
import type { Call } from "@nethsec/host/command";
import { openStore } from "../query/open-store.ts";
import { UsageError } from "@nethsec/host/error";
import { table } from "@nethsec/host/table";
import { formatBytes } from "@nethsec/host/units";
import { csvText } from "../query/export-table.ts";
import { dayTable, tableJson } from "../query/export-rows.ts";
import { formatDay, weekdayNames, weekdayOf } from "../query/report-day.ts";
import { textOption } from "./report-question.ts";
import { nothingYet } from "./nothing-yet.ts";

export function run(call: Call): number {
  const month = textOption(call, "month");
  if (month !== undefined && !/^\d{4}-(0[1-9]|1[0-2])$/.test(month))
    throw new UsageError(`"${month}" is not a month.`, "Write it as 2026-11.");
  const store = openStore(call);
  const days = store
    .days()
    .filter((day) => month === undefined || formatDay(day).startsWith(month))
    .map((day) => ({ day, ...store.total(day) }));
  store.saveTotals();
  if (call.json || call.options["csv"] === true) {
    call.io.out(call.json ? `${JSON.stringify(tableJson(dayTable(days)))}\n` : csvText(dayTable(days)));
    return 0;
  }
  if (days.length === 0)
    return nothingYet(call, month === undefined ? "There are no reports yet." : `There are no reports of ${month}.`);
  const rows = days.map(({ day, total, clients }) => [
    formatDay(day),
    weekdayNames[weekdayOf(day)] ?? "",
    `${clients}`,
    formatBytes(total),
  ]);
  const columns = [
    { title: "Day" },
    { title: "" },
    { title: "Clients", align: "right" },
    { title: "Traffic", align: "right" },
  ] as const;
  call.io.out(`${table(columns, rows, { color: call.io.color })}\n`);
  return 0;
}
