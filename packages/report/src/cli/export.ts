/** `ns-report export`: every figure of a day, for other programs: one row for each client, hour, section and name. */
import type { Call } from "@nethsec/host/command/command";
import { openStore } from "../store/open-store.ts";
import { UsageError } from "@nethsec/host/error";
import { eachRow, type DayCounters } from "../store/day-counters.ts";
import { addressOf, deviceOf } from "../store/client-key.ts";
import { sectionNames } from "../store/hour-counters.ts";
import { onlyAddress } from "../query/ask.ts";
import { wantedClients } from "../query/client-rows.ts";
import { csvText } from "../query/export-table.ts";
import { directionCells, directionColumns } from "../query/export-rows.ts";
import { formatDay } from "../store/report-day.ts";
import type { Narrow } from "../query/narrow.ts";
import { dayAsked, narrowAsked } from "./report-question.ts";

/** Rows per write, so that a large day needs little memory beyond its counters. */
const rowsAtOnce = 5000;

type DirectionCells = ReturnType<typeof directionCells>;
type Row = readonly [
  day: string,
  hour: number,
  client: string,
  section: string,
  name: string,
  bytes: number,
  ...directions: DirectionCells,
  device: string,
];
const columns = ["day", "hour", "client", "section", "name", "bytes", ...directionColumns, "device"] as const;

export async function run(call: Call): Promise<number> {
  if (call.json && call.options["csv"] === true) throw new UsageError("--json and --csv do not go together.");
  const store = openStore(call);
  const day = dayAsked(call, store.today());
  const narrow = narrowAsked(call);
  const counters = store.day(day, onlyAddress(narrow));
  const bytes = new TextEncoder();
  const write = (text: string): Promise<void> => call.io.write(bytes.encode(text));
  if (!call.json) await write(csvText({ columns, rows: [] }));
  let rows: Row[] = [];
  const flush = async (): Promise<void> => {
    const text = call.json
      ? rows.map((row) => `${rowJson(row)}\n`).join("")
      : csvText({ columns, rows }).slice(columns.join(",").length + 2);
    rows = [];
    await write(text);
  };
  for (const row of rowsOf(counters, narrow)) {
    rows.push(row);
    if (rows.length >= rowsAtOnce) await flush();
  }
  await flush();
  return 0;
}

/** One JSON object per line. */
function rowJson(row: Row): string {
  return JSON.stringify(Object.fromEntries(columns.map((column, index) => [column, row[index]])));
}

/** Totals first (section "total", no name), then each section; rows without a client have an empty client column. */
export function* rowsOf(counters: DayCounters, narrow: Narrow): Generator<Row> {
  const day = formatDay(counters.day);
  const byName = narrow.section !== undefined;
  const isWanted = wantedClients(narrow);
  const wanted = (key: string, hour: number): boolean =>
    (narrow.hour === undefined || narrow.hour === hour) && isWanted?.(key) !== false;
  for (const [index, key] of counters.clients.entries()) {
    for (let hour = 0; hour < 24; hour++) {
      const cell = index * 24 + hour;
      const bytes = counters.totals[cell] ?? 0;
      if (byName || bytes === 0 || !wanted(key, hour)) continue;
      const directions = { bytes, download: counters.download[cell] ?? 0, upload: counters.upload[cell] ?? 0 };
      yield [day, hour, addressOf(key), "total", "", bytes, ...directionCells(directions), deviceOf(key) ?? ""];
    }
  }
  for (const section of sectionNames) {
    if (byName && narrow.section !== section) continue;
    const table = counters.sections[section];
    for (const row of eachRow(table)) {
      const key = counters.clients[row.client] ?? "";
      const name = table.names[row.name] ?? "";
      if ((!byName || name === narrow.value) && wanted(key, row.hour))
        yield [day, row.hour, addressOf(key), section, name, row.bytes, ...directionCells(row), deviceOf(key) ?? ""];
    }
  }
  if (byName || isWanted !== undefined) return;
  for (const [hour, bytes] of counters.unattributed.entries()) {
    if (bytes > 0 && wanted("", hour)) yield [day, hour, "", "unattributed", "", bytes, null, null, ""];
  }
}
