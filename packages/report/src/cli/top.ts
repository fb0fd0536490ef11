/** `ns-report top LIST`: one list of a day or a range of days, of any length. */
import type { Call } from "@nethsec/host/command/command";
import { openStore } from "../store/open-store.ts";
import { UsageError } from "@nethsec/host/error";
import { csvText } from "../query/export-table.ts";
import { isListName, listNames, sectionOfList, tableJson, usageExport } from "../query/export-rows.ts";
import { summariseRange } from "../query/range-summary.ts";
import { sameDay } from "../store/report-day.ts";
import { summarise } from "../query/summary.ts";
import { nothingYet } from "./nothing-yet.ts";
import { isByHour, limitAsked, namesFor, narrowAsked, rangeAsked, withoutHour } from "./report-question.ts";
import { trafficTable } from "./report-text.ts";
import { listTitles, rowOf } from "./summary-lists.ts";

export async function run(call: Call): Promise<number> {
  const list = call.args["list"] ?? "";
  if (!isListName(list)) throw new UsageError(`There is no list "${list}".`, `Choose one of ${listNames.join(", ")}.`);
  const store = openStore(call);
  const range = rangeAsked(call, store.today());
  const narrow = narrowAsked(call);
  const section = sectionOfList[list];
  if (section !== undefined && narrow.section !== undefined) {
    throw new UsageError(
      `Reports keep each list by itself: the ${list} behind one ${narrow.section} are not known.`,
      "Narrow by --client or --hour, or ask for clients.",
    );
  }
  const machine = call.json || call.options["csv"] === true;
  const limit = limitAsked(call, machine ? Number.POSITIVE_INFINITY : 20);
  const summary = isByHour(store, range)
    ? summarise(store.day(range.from, narrow.client), narrow)
    : summariseRange((days, byDay) => store.periods(days, byDay), range, withoutHour(narrow));
  const all = section === undefined ? summary.clients : (summary.sections?.[section] ?? []);
  const usages = all.slice(0, limit);
  const names = await namesFor(call, section === undefined ? usages.map(({ id }) => id) : []);
  if (machine) {
    const table = usageExport(list, usages, names, summary.total);
    call.io.out(call.json ? `${JSON.stringify(tableJson(table))}\n` : csvText(table));
    return 0;
  }
  if (usages.length === 0) return nothingYet(call, `No ${list}: ${range.title}.`, sameDay(range.to, store.today()));
  const style = { color: call.io.color, columns: call.io.columns };
  const rows = usages.map((usage) => rowOf(list, usage, names));
  call.io.out(`${trafficTable(listTitles[list], rows, summary.total, style)}\n`);
  if (all.length > usages.length) call.io.err(`${usages.length} of ${all.length}; --limit 0 shows all.\n`);
  return 0;
}
