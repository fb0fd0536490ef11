/** `ns.dpireport range` and `search`: not of the released plugin; any range of days, as on the command line. */
import * as v from "valibot";
import { rpcdMethod, ValidationError } from "@nethsec/host/rpcd";
import { CategoryFiles } from "../names/categories.ts";
import { clientNamesOf } from "../names/host-names.ts";
import { rangeFrom, type AskedRange } from "../query/asked-range.ts";
import { foundTable, tableJson } from "../query/export-rows.ts";
import { rangeJson } from "../query/range-json.ts";
import { clientsFound, searchRange, shortestSearch } from "../query/search.ts";
import type { Narrow } from "../query/narrow.ts";
import { askRange } from "../query/ask.ts";
import { rowNames } from "../query/client-rows.ts";
import { clientGroupsOf } from "../groups/client-groups.ts";
import { isClientId } from "../store/client-key.ts";
import { sectionNames } from "../store/hour-counters.ts";
import { openStore } from "../store/open-store.ts";
import type { ReportStore } from "../store/report-store.ts";

/** Longest wait of an answer for reverse DNS; names that arrive later are in the next answer. */
const nameWaitMs = 40;

const text = v.pipe(v.string("invalid"), v.maxLength(256, "invalid"));
const limit = v.pipe(v.number("invalid"), v.integer("invalid"), v.minValue(-1, "invalid"));
const lower = v.pipe(v.string("invalid"), v.maxLength(1024, "invalid"), v.toLowerCase());

export const rangeMethod = rpcdMethod({
  name: "range",
  args: v.object({
    range: text,
    client: v.nullish(v.pipe(v.string("invalid"), v.toLowerCase(), v.check(isClientId, "invalid"))),
    section: v.nullish(v.picklist(sectionNames, "invalid")),
    value: v.nullish(lower),
    limit: v.optional(limit, 20),
  }),
  example: { range: "last-30-days", client: "192.168.1.10", section: "application", value: "netify.http", limit: 20 },
  run: async (args, call) => {
    const store = openStore(call);
    const range = rangeOf(args.range, store);
    const narrow = narrowOf(args.client ?? undefined, args.section ?? undefined, args.value ?? undefined);
    const [summary, before] = [askRange(store, range, narrow), askRange(store, range.before, narrow)];
    const rows = rowsOf(args.limit);
    const names = await rowNames(clientNamesOf(call.host), nameWaitMs, summary.clients.slice(0, rows));
    const { groups } = clientGroupsOf(call.host.uci);
    const categories = new CategoryFiles(call.host.files).categories();
    return { ...rangeJson({ range, narrow, summary, before, limit: rows, groups, names, categories }) };
  },
});

export const searchMethod = rpcdMethod({
  name: "search",
  args: v.object({ text, range: v.optional(text, "last-365-days"), limit: v.optional(limit, 100) }),
  example: { text: "example.org", range: "last-365-days", limit: 100 },
  run: async (args, call) => {
    if (args.text.trim().length < shortestSearch) throw wrong("text", args.text, "invalid");
    const store = openStore(call);
    const { found, isCut } = searchRange(store.periods(rangeOf(args.range, store)), args.text.trim());
    const rows = found.slice(0, rowsOf(args.limit));
    const names = await rowNames(clientNamesOf(call.host), nameWaitMs, clientsFound(rows));
    return { found: tableJson(foundTable(rows, names)), is_cut: isCut || rows.length < found.length };
  },
});

function rangeOf(key: string, store: ReportStore): AskedRange {
  const range = rangeFrom(key, store.today());
  if (range === undefined) throw wrong("range", key, "invalid");
  return range;
}

/** `section` and `value` go together. */
function narrowOf(client: string | undefined, section: Narrow["section"], value: string | undefined): Narrow {
  if (section !== undefined && value === undefined) throw wrong("value", "", "required");
  if (section === undefined && value !== undefined) throw wrong("section", "", "required");
  return {
    ...(client === undefined ? {} : { client }),
    ...(section === undefined || value === undefined ? {} : { section, value }),
  };
}

/** -1: all. */
function rowsOf(asked: number): number {
  return asked < 0 ? Number.POSITIVE_INFINITY : asked;
}

function wrong(parameter: string, value: string, message: string): ValidationError {
  return new ValidationError([{ parameter, value, message }]);
}
