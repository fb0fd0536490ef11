/** The answers of rpcd's `ns.dpireport`, made from a day's counters (contract ns-report 2). Pure. */
import type { DayCounters } from "../store/day-counters.ts";
import type { SectionName } from "../store/hour-counters.ts";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { labelOf } from "../query/labels.ts";
import { summarise, type Summary } from "../query/summary.ts";
import type { Usage } from "../query/traffic.ts";

type Pair = readonly [name: string, bytes: number];

/** Address → name; the address itself when there is no name, as in the original. */
export type NameOf = (client: string) => string;

/** `{days: [[yyyy, mm, dd], …]}`, newest first, as text with leading zeros. */
export function daysAnswer(days: readonly Day[]): { days: string[][] } {
  return { days: days.toReversed().map(({ year, month, day }) => [`${year}`, twoDigits(month), twoDigits(day)]) };
}

export interface SummaryAnswer {
  readonly total: number;
  readonly clients: readonly Pair[];
  readonly hours: readonly Pair[];
  readonly names: Readonly<Record<string, string>>;
  readonly protocol: readonly Pair[];
  readonly host: readonly Pair[];
  readonly application: readonly Pair[];
}

/** `summary` and `summary-by-client`. Entries beyond `limit` are summed in a last item `others`; -1: no limit. */
export function summaryAnswer(summary: Summary, limit: number, nameOf: NameOf): SummaryAnswer {
  const clients = pairs(summary.clients, limit);
  return {
    total: summary.total,
    clients,
    hours: summary.hours.map((bytes, hour) => [twoDigits(hour), bytes]),
    names: Object.fromEntries(clientsShown(summary, limit).map((client) => [client, nameOf(client)])),
    protocol: pairs(summary.sections?.protocol ?? [], limit),
    host: pairs(summary.sections?.host ?? [], limit),
    application: pairs(summary.sections?.application ?? [], limit),
  };
}

/** The clients named by an answer with this limit; used to look up their names beforehand. */
export function clientsShown(summary: Summary, limit: number): string[] {
  return summary.clients.slice(0, shown(limit)).map(({ id }) => id);
}

function shown(limit: number): number | undefined {
  return limit < 0 ? undefined : limit;
}

function pairs(list: readonly Usage[], limit: number): Pair[] {
  const first = list.slice(0, shown(limit)).map(({ id, bytes }): Pair => [id, bytes]);
  const rest = list.slice(first.length).reduce((sum, { bytes }) => sum + bytes, 0);
  return rest > 0 ? [...first, ["others", rest]] : first;
}

type Names = Readonly<Record<string, number>>;
export interface DetailsAnswer extends Readonly<Record<SectionName, Names>> {
  /** Keys "00" to "23"; an hour without traffic is `{}`. */
  readonly hours: Readonly<Record<string, { readonly total?: number } & Readonly<Partial<Record<SectionName, Names>>>>>;
  readonly total: number;
  readonly name: string;
}

/** All figures of one client's day, by hour. */
export function detailsAnswer(day: DayCounters, client: string, nameOf: NameOf): DetailsAnswer {
  const whole = summarise(day, { client });
  const hours = whole.hours.map((total, hour) => {
    const { sections } = summarise(day, { client, hour });
    return [twoDigits(hour), total === 0 || sections === undefined ? {} : { total, ...namesOf(sections) }] as const;
  });
  return {
    hours: Object.fromEntries(hours),
    total: whole.total,
    name: nameOf(client),
    ...namesOf(whole.sections ?? { protocol: [], application: [], host: [] }),
  };
}

function namesOf(sections: Readonly<Record<SectionName, readonly Usage[]>>): Record<SectionName, Names> {
  // fromEntries defines properties, so that a host called "__proto__" is a key like any other.
  const names = (section: SectionName): Names =>
    Object.fromEntries(sections[section].map(({ id, bytes }) => [id, bytes]));
  return { protocol: names("protocol"), application: names("application"), host: names("host") };
}

interface Traffic {
  readonly id: string;
  readonly label?: string;
  readonly traffic: number;
}

export interface SummaryV2Answer {
  readonly total_traffic: number;
  readonly hourly_traffic: readonly Traffic[];
  readonly clients: readonly Traffic[];
  readonly applications?: readonly Traffic[];
  readonly remote_hosts?: readonly Traffic[];
  readonly protocols?: readonly Traffic[];
}

const listOf = { application: "applications", host: "remote_hosts", protocol: "protocols" } as const;

/** When narrowed to one name, the answer contains only the list with that name, from which the page takes its heading. */
export function summaryV2Answer(
  summary: Summary,
  limit: number,
  nameOf: NameOf,
  one?: { readonly section: SectionName; readonly value: string },
): SummaryV2Answer {
  const first = (list: readonly Usage[]): readonly Usage[] => list.slice(0, shown(limit));
  const traffic = (section: SectionName, usages: readonly Pick<Usage, "id" | "bytes">[]): Traffic[] =>
    usages.map(({ id, bytes }) =>
      section === "host" ? { id, traffic: bytes } : { id, label: labelOf(section, id), traffic: bytes },
    );
  const list = (section: SectionName): Traffic[] => traffic(section, first(summary.sections?.[section] ?? []));
  const common = {
    total_traffic: summary.total,
    hourly_traffic: summary.hours.map((traffic, hour) => ({ id: twoDigits(hour), traffic })),
    clients: first(summary.clients).map(({ id, bytes }) => ({ id, label: nameOf(id), traffic: bytes })),
  };
  if (one !== undefined) {
    const { section, value } = one;
    return { ...common, [listOf[section]]: traffic(section, [{ id: value, bytes: summary.total }]) };
  }
  return {
    ...common,
    applications: list("application"),
    remote_hosts: list("host"),
    protocols: list("protocol"),
  };
}
