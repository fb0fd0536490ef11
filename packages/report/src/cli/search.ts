/** `ns-report search TEXT`: which clients visited a host (or used an application) whose name contains the text, and when. */
import type { Call } from "@nethsec/host/command/command";
import { table } from "@nethsec/host/command/table";
import { UsageError } from "@nethsec/host/error";
import { formatBytes } from "@nethsec/host/units";
import { foundTable, tableJson } from "../query/export-rows.ts";
import { csvText } from "../query/export-table.ts";
import { directionTexts } from "../query/direction-text.ts";
import { labelOf } from "../query/labels.ts";
import { clientsFound, searchRange, shortestSearch } from "../query/search.ts";
import { openStore } from "../store/open-store.ts";
import { formatDay } from "../store/report-day.ts";
import { nothingYet } from "./nothing-yet.ts";
import { limitAsked, namesFor, rangeAsked } from "./report-question.ts";
import { directionTitles, shown } from "./report-text.ts";

export async function run(call: Call): Promise<number> {
  const text = (call.args["text"] ?? "").trim();
  if (text.length < shortestSearch)
    throw new UsageError("That is too short to search for.", `Give at least ${shortestSearch} characters of the name.`);
  const store = openStore(call);
  const range = rangeAsked(call, store.today(), "last-365-days");
  const machine = call.json || call.options["csv"] === true;
  const { found, isCut } = searchRange(store.periods(range), text);
  const rows = found.slice(0, limitAsked(call, machine ? Number.POSITIVE_INFINITY : 30));
  const names = await namesFor(call, clientsFound(rows));
  if (machine) {
    const exported = foundTable(rows, names);
    call.io.out(call.json ? `${JSON.stringify(tableJson(exported))}\n` : csvText(exported));
    return 0;
  }
  if (found.length === 0) return nothingYet(call, `Nothing contains "${text}" (${range.title}).`, false);
  // The six other columns leave no room for two more on 80 cells; CSV and JSON have them always.
  const isWide = call.io.columns >= 104;
  const columns = [
    { title: "Name" },
    { title: "Client" },
    { title: "First" },
    { title: "Last" },
    { title: "Days", align: "right" },
    { title: "Traffic", align: "right" },
    ...(isWide ? directionTitles : []),
  ] as const;
  const width = Math.max(16, Math.min(48, call.io.columns - (isWide ? 84 : 60)));
  const lines = rows.map(({ section, name, client, address, first, last, days, ...traffic }) => [
    shown(labelOf(section, name), width),
    shown(names.get(client) ?? address, 20),
    formatDay(first),
    formatDay(last),
    `${days}`,
    formatBytes(traffic.bytes),
    ...(isWide ? Object.values(directionTexts(traffic)) : []),
  ]);
  call.io.out(`${table(columns, lines, { color: call.io.color })}\n`);
  if (rows.length < found.length || isCut)
    call.io.err(`${rows.length} of ${isCut ? "more than " : ""}${found.length}; --limit 0 shows all.\n`);
  return 0;
}
