/** Parses what the command line asks for: the day, the narrowing, the number of rows. Invalid words are usage errors before anything is read. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import { clientGroupsOf, type ClientGroup } from "../groups/client-groups.ts";
import { rowNames, type ClientUsage } from "../query/client-rows.ts";
import { isClientId } from "../store/client-key.ts";
import { sectionNames } from "../store/hour-counters.ts";
import type { Day } from "../store/hour-key.ts";
import { clientNamesOf } from "../names/host-names.ts";
import { rangeAdvice, rangeDays, rangeFrom, type AskedRange } from "../query/asked-range.ts";
import { sameDay } from "../store/report-day.ts";
import type { ReportStore } from "../store/report-store.ts";
import type { Narrow } from "../query/narrow.ts";

/** Longest wait for names by reverse DNS; names that arrive later are shown at the next call. */
const nameWaitMs = 300;

/** The range given by the argument `range`, e.g. "last-month". */
export function rangeAsked(call: Call, today: Day, fallback = "today"): AskedRange {
  const text = call.args["range"] ?? fallback;
  const range = rangeFrom(text, today);
  if (range === undefined) throw new UsageError(`"${text}" is not a day and not a range of days.`, rangeAdvice);
  return range;
}

/** "2026-11-22", "today" (the default), "yesterday". */
export function dayAsked(call: Call, today: Day): Day {
  const text = call.args["day"] ?? "today";
  const range = rangeFrom(text, today);
  if (range === undefined || rangeDays(range) > 1)
    throw new UsageError(`"${text}" is not a day.`, "Write it as 2026-11-22, today, or yesterday.");
  return range.from;
}

/** Whether a range is answered from the hours of one day. */
export function isByHour(store: ReportStore, range: AskedRange): boolean {
  return rangeDays(range) === 1 && (store.hasHours(range.from) || sameDay(range.from, store.today()));
}

/** The narrowing given by `--client`, `--group`, `--hour`, and one of `--application`, `--protocol`, `--host`. */
export function narrowAsked(call: Call): Narrow {
  const hour = textOption(call, "hour");
  const client = textOption(call, "client");
  const group = textOption(call, "group");
  const given = sectionNames.filter((section) => call.options[section] !== undefined);
  if (given.length > 1)
    throw new UsageError(
      `--${given.join(" and --")} do not go together: reports keep each list by itself.`,
      "Give one of them.",
    );
  const [section] = given;
  const value = section === undefined ? undefined : textOption(call, section)?.toLowerCase();
  return {
    ...(client === undefined ? {} : { client: clientFrom(client) }),
    ...(group === undefined ? {} : { group: groupFrom(call, group) }),
    ...(hour === undefined ? {} : { hour: hourFrom(hour) }),
    ...(section === undefined || value === undefined ? {} : { section, value }),
  };
}

/** A range has no hours to narrow by. */
export function withoutHour({ hour, ...narrow }: Narrow): Narrow {
  if (hour !== undefined)
    throw new UsageError("--hour goes with one day whose hours are kept.", "Leave it out, or ask for a day.");
  return narrow;
}

/** An address, or a device. */
export function clientFrom(text: string): string {
  const client = text.toLowerCase();
  if (!isClientId(client))
    throw new UsageError(
      `"${text}" is not the address of a client.`,
      "Write it as 192.168.1.10, or a device as 4a:d3:49:8f:86:ca; `ns-report top clients` lists them.",
    );
  return client;
}

function groupFrom(call: Call, name: string): ClientGroup {
  const { groups, troubles } = clientGroupsOf(call.host.uci);
  const group = groups.find((one) => one.name === name);
  if (group !== undefined) return group;
  const known = groups.length === 0 ? "There are none." : `There are: ${groups.map((one) => one.name).join(", ")}.`;
  throw new UsageError(`"${name}" is not a group of clients.`, [known, ...troubles].join(" "));
}

function hourFrom(text: string): number {
  if (!/^([01]?\d|2[0-3])$/.test(text))
    throw new UsageError(`"${text}" is not an hour of the day.`, "Write a number from 0 to 23.");
  return Number(text);
}

/** Rows per list; 0: all. */
export function limitAsked(call: Call, fallback: number): number {
  const text = textOption(call, "limit");
  if (text === undefined) return fallback;
  if (!/^\d{1,6}$/.test(text))
    throw new UsageError(`"${text}" is not a number of rows.`, "Write a number; 0 shows all.");
  return Number(text) === 0 ? Number.POSITIVE_INFINITY : Number(text);
}

export function textOption(call: Call, name: string): string | undefined {
  const value = call.options[name];
  return typeof value === "string" ? value : undefined;
}

/** Names by address and device, for the clients that have one, and for the one that is asked about. */
export async function namesFor(
  call: Call,
  rows: readonly ClientUsage[],
  { client }: Narrow = {},
): Promise<ReadonlyMap<string, string>> {
  return rowNames(clientNamesOf(call.host), nameWaitMs, rows, client === undefined ? [] : [client]);
}
