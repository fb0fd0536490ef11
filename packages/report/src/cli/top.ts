/** `ns-report top LIST`: one list of a day or a range of days, of any length. */
import type { Call } from "@nethsec/host/command/command";
import { openStore } from "../store/open-store.ts";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { CategoryFiles } from "../names/categories.ts";
import type { AskedRange } from "../query/asked-range.ts";
import { categoryTable, categoryUsages } from "../query/category-usage.ts";
import { csvText, type ExportTable } from "../query/export-table.ts";
import { isListName, listNames, sectionOfList, tableJson, usageExport } from "../query/export-rows.ts";
import { askDay, askRange } from "../query/ask.ts";
import { sameDay } from "../store/report-day.ts";
import type { Narrow } from "../query/narrow.ts";
import type { Summary } from "../query/summary.ts";
import { nothingYet } from "./nothing-yet.ts";
import { isByHour, limitAsked, namesFor, narrowAsked, rangeAsked, withoutHour } from "./report-question.ts";
import { trafficTable, type TextStyle } from "./report-text.ts";
import { listTitles, rowOf } from "./summary-lists.ts";

export async function run(call: Call): Promise<number> {
  const list = call.args["list"] ?? "";
  if (list === "categories") return topCategories(call);
  if (!isListName(list))
    throw new UsageError(`There is no list "${list}".`, `Choose one of ${listNames.join(", ")}, categories.`);
  const { narrow, range, isToday, read } = asked(call);
  const section = sectionOfList[list];
  if (section !== undefined) refuseNarrowed(narrow, list);
  const machine = call.json || call.options["csv"] === true;
  const limit = limitAsked(call, machine ? Number.POSITIVE_INFINITY : 20);
  const summary = read();
  const all = section === undefined ? summary.clients : (summary.sections?.[section] ?? []);
  const usages = all.slice(0, limit);
  const names = await namesFor(call, section === undefined ? usages : []);
  if (machine) return printTable(call, usageExport(list, usages, names, summary.total));
  if (usages.length === 0) return nothingYet(call, `No ${list}: ${range.title}.`, isToday);
  const rows = usages.map((usage) => rowOf(list, usage, names));
  call.io.out(`${trafficTable(listTitles[list], rows, summary.total, styleOf(call))}\n`);
  if (all.length > usages.length) call.io.err(`${usages.length} of ${all.length}; --limit 0 shows all.\n`);
  return 0;
}

/** All of them: there are a few dozen. */
function topCategories(call: Call): number {
  const { narrow, range, isToday, read } = asked(call);
  refuseNarrowed(narrow, "categories");
  const categories = new CategoryFiles(call.host.files).categories();
  if (categories === undefined)
    throw new NethsecError({
      code: "no_categories",
      message:
        "The categories of applications are not known: netify-apps.conf and netify-categories.json are neither in /etc/netifyd nor in /etc/netify.d, or cannot be read.",
    });
  const summary = read();
  const usages = categoryUsages(summary.sections?.application, categories);
  if (call.json || call.options["csv"] === true) return printTable(call, categoryTable(usages, summary.total));
  if (usages.length === 0) return nothingYet(call, `No applications: ${range.title}.`, isToday);
  call.io.out(`${trafficTable("Category", usages, summary.total, styleOf(call))}\n`);
  return 0;
}

interface Asked {
  readonly narrow: Narrow;
  readonly range: AskedRange;
  readonly isToday: boolean;
  readonly read: () => Pick<Summary, "total" | "clients" | "sections">;
}

function asked(call: Call): Asked {
  const store = openStore(call);
  const range = rangeAsked(call, store.today());
  const narrow = narrowAsked(call);
  return {
    narrow,
    range,
    isToday: sameDay(range.to, store.today()),
    read: () =>
      isByHour(store, range) ? askDay(store, range.from, narrow) : askRange(store, range, withoutHour(narrow)),
  };
}

function refuseNarrowed({ section }: Narrow, list: string): void {
  if (section === undefined) return;
  throw new UsageError(
    `Reports keep each list by itself: the ${list} behind one ${section} are not known.`,
    "Narrow by --client or --hour, or ask for clients.",
  );
}

function printTable(call: Call, table: ExportTable): number {
  call.io.out(call.json ? `${JSON.stringify(tableJson(table))}\n` : csvText(table));
  return 0;
}

function styleOf({ io }: Call): TextStyle {
  return { color: io.color, columns: io.columns };
}
