/** `/usr/libexec/rpcd/ns.dpireport`: the reports for NethSecurity's web interface (contract ns-report 2). */
import * as v from "valibot";
import type { Call } from "@nethsec/host/command/command";
import { rpcdMethod, runRpcd, ValidationError, type RpcdPlugin } from "@nethsec/host/rpcd";
import { isAddress } from "../store/client-address.ts";
import { sectionNames } from "../store/hour-counters.ts";
import type { Day } from "../store/hour-key.ts";
import { clientNamesOf } from "../names/host-names.ts";
import { dayFrom } from "../store/report-day.ts";
import type { OneClient } from "../store/hour-tables.ts";
import { openStore } from "../store/open-store.ts";
import type { ReportStore } from "../store/report-store.ts";
import { summarise, type Summary } from "../query/summary.ts";
import { rangeMethod, searchMethod } from "./range-methods.ts";
import {
  clientsShown,
  daysAnswer,
  detailsAnswer,
  summaryAnswer,
  summaryV2Answer,
  type NameOf,
} from "./dpireport-answers.ts";

/** Longest wait of an answer for reverse DNS; names that arrive later are in the next answer. */
const nameWaitMs = 40;

/** The web interface sends numbers as text ("06"); programs send numbers. */
const whole = v.pipe(
  v.union([v.pipe(v.string(), v.regex(/^-?\d{1,6}$/, "invalid"), v.transform(Number)), v.number("invalid")], "invalid"),
  v.integer("invalid"),
);
const limit = v.pipe(whole, v.minValue(-1, "invalid"), v.maxValue(100_000, "invalid"));
const address = v.pipe(v.string("invalid"), v.check(isAddress, "invalid"), v.toLowerCase());
/** The client of a summary is only compared with known ones, so any text is allowed: an unknown client has no traffic. */
const anyClient = v.pipe(v.string("invalid"), v.maxLength(1024, "invalid"), v.toLowerCase());
const dayFields = { year: v.optional(whole), month: v.optional(whole), day: v.optional(whole) };
const dayExample = { year: "2023", month: "06", day: "16" };

const days = rpcdMethod({
  name: "days",
  args: v.object({}),
  example: {},
  run: (_args, call) => daysAnswer(openStore(call, true).days()),
});

const summary = rpcdMethod({
  name: "summary",
  args: v.object({ ...dayFields, limit: v.optional(limit, 10) }),
  example: { ...dayExample, limit: 10 },
  run: async (args, call) => {
    const store = openStore(call, true);
    const found = summarise(store.day(dayOf(args, store)));
    return { ...summaryAnswer(found, args.limit, await namesFor(call, found, args.limit)) };
  },
});

const summaryByClient = rpcdMethod({
  name: "summary-by-client",
  args: v.object({ ...dayFields, client: v.nullish(anyClient), limit: v.optional(limit, 10) }),
  example: { ...dayExample, client: "192.168.1.10", limit: 10 },
  run: async (args, call) => {
    const store = openStore(call, true);
    const client = args.client ?? undefined;
    const found = summarise(store.day(dayOf(args, store), totalsOf(client)), client === undefined ? {} : { client });
    return { ...summaryAnswer(found, args.limit, await namesFor(call, found, args.limit)) };
  },
});

/** The released plugin's answers have no download and upload. */
function totalsOf(client: string | undefined): OneClient | undefined {
  return client === undefined ? undefined : { client, totalsOnly: true };
}

const details = rpcdMethod({
  name: "details",
  args: v.object({ ...dayFields, client: address }),
  example: { ...dayExample, client: "192.168.1.10" },
  run: async (args, call) => {
    const store = openStore(call, true);
    const counters = store.day(dayOf(args, store), totalsOf(args.client));
    const nameOf = await namesFor(call, summarise(counters, { client: args.client }), 1);
    return { ...detailsAnswer(counters, args.client, nameOf) };
  },
});

const summaryV2 = rpcdMethod({
  name: "summary-v2",
  args: v.object({
    ...dayFields,
    client: v.nullish(anyClient),
    section: v.nullish(v.picklist(sectionNames, "invalid")),
    value: v.nullish(v.pipe(v.string("invalid"), v.maxLength(1024, "invalid"), v.toLowerCase())),
    limit: v.optional(limit, 20),
  }),
  example: { ...dayExample, client: "192.168.1.10", section: "application", value: "netify.http", limit: 20 },
  run: async (args, call) => {
    const { client, section, value } = {
      client: args.client ?? undefined,
      section: args.section ?? undefined,
      value: args.value ?? undefined,
    };
    if (section !== undefined && value === undefined) throw wrong("value", "", "required");
    if (section === undefined && value !== undefined) throw wrong("section", "", "required");
    const store = openStore(call, true);
    const counters = store.day(dayOf(args, store), totalsOf(client));
    const one = section === undefined || value === undefined ? undefined : { section, value };
    const found = summarise(counters, { ...(client === undefined ? {} : { client }), ...one });
    return { ...summaryV2Answer(found, args.limit, await namesFor(call, found, args.limit), one) };
  },
});

export const dpireportPlugin: RpcdPlugin = {
  name: "ns.dpireport",
  methods: [days, summary, summaryByClient, details, summaryV2, rangeMethod, searchMethod],
};

export const run = (call: Call): Promise<number> => runRpcd(dpireportPlugin, call);

/** The requested day; missing parts default to today's. */
function dayOf(
  args: { readonly year?: number | undefined; readonly month?: number | undefined; readonly day?: number | undefined },
  store: ReportStore,
): Day {
  const today = store.today();
  const [year, month, day] = [args.year ?? today.year, args.month ?? today.month, args.day ?? today.day];
  const found = dayFrom(year, month, day);
  if (found === undefined) throw wrong("day", `${year}-${month}-${day}`, "invalid");
  return found;
}

function wrong(parameter: string, value: string, message: string): ValidationError {
  return new ValidationError([{ parameter, value, message }]);
}

async function namesFor(call: Call, found: Summary, limit: number): Promise<NameOf> {
  const names = await clientNamesOf(call.host).lookup(clientsShown(found, limit), nameWaitMs);
  return (client) => names.get(client) ?? client;
}
