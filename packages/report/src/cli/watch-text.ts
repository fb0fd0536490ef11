/** What `ns-report watch` draws: clients, applications and hosts of the hour by rate, and what goes through each interface. Pure. */
import { table, type Column } from "@nethsec/host/command/table";
import { formatBitRate, formatBytes } from "@nethsec/host/units";
import { twoDigits } from "../store/hour-key.ts";
import { clientText } from "../query/client-rows.ts";
import { labelOf } from "../query/labels.ts";
import { directionTexts } from "../query/direction-text.ts";
import { interfaceTitle, type InterfaceState } from "../query/interface-rates.ts";
import { totalTraffic, type Usage } from "../query/traffic.ts";
import { byRate, type Growth, type LiveHourState } from "../query/live-hour.ts";
import { directionTitles, heading, shown, trafficFact, type TextStyle } from "./report-text.ts";

export const clientRows = 12;
const nameRows = 5;
const interfaceRows = 8;
const leastRows = 2;
/** Lines beside the rows of the four tables: titles, blank lines, the last line, and the cursor's. */
const otherLines = 13;

export interface LiveText {
  readonly state: LiveHourState;
  readonly interfaces: InterfaceState;
  /** Of clients. */
  readonly names: ReadonlyMap<string, string>;
  /** In place of the tables while there is no client. */
  readonly whenEmpty: string;
  /** Height of the terminal; undefined: as long as wanted. */
  readonly lines?: number | undefined;
}

export function liveText({ state, interfaces, names, whenEmpty, lines }: LiveText, style: TextStyle): string {
  const isEmpty = state.summary.clients.length === 0;
  const rows = rowsThatFit(state, interfaces, lines);
  const tables = [
    headText(state, style),
    ...(isEmpty ? [whenEmpty] : usageTables(state, names, rows, style)),
    ...(interfaces.interfaces.length === 0 ? [] : [interfaceTable(interfaces, rows.interfaces, style)]),
    ...(isEmpty ? [] : ["Ctrl-C ends."]),
  ];
  return tables.join("\n\n");
}

interface Rows {
  readonly clients: number;
  readonly applications: number;
  readonly hosts: number;
  readonly interfaces: number;
}

/** Rows of each table. The longest gets shorter until all fit: what scrolls out of a terminal at its top would be the busiest clients. */
function rowsThatFit({ summary }: LiveHourState, { interfaces }: InterfaceState, lines = Infinity): Rows {
  const rows = {
    clients: Math.min(clientRows, summary.clients.length),
    applications: Math.min(nameRows, summary.sections?.application.length ?? 0),
    hosts: Math.min(nameRows, summary.sections?.host.length ?? 0),
    interfaces: Math.min(interfaceRows, interfaces.length),
  };
  const names = ["hosts", "applications", "interfaces", "clients"] as const;
  for (;;) {
    const [longest = "clients"] = names.toSorted((a, b) => rows[b] - rows[a]);
    const sum = names.reduce((all, name) => all + rows[name], 0);
    if (sum + otherLines <= lines || rows[longest] <= leastRows) return rows;
    rows[longest] -= 1;
  }
}

function rateText(bytes: number, ms: number | undefined): string {
  return ms === undefined ? "…" : formatBitRate(ms <= 0 ? 0 : (bytes * 8000) / ms);
}

function headText({ hour, summary, growth, asOf }: LiveHourState, style: TextStyle): string {
  const time = asOf === undefined ? "nothing counted yet" : `as of ${new Date(asOf).toTimeString().slice(0, 8)}`;
  const rate = growth === undefined ? "rate known in a moment" : rateText(growth.total, growth.ms);
  const head = heading(`${twoDigits(hour)}:00 to ${twoDigits((hour + 1) % 24)}:00`, style);
  return `${head}\n${trafficFact(totalTraffic(summary))}, ${rate}, ${time}`;
}

/** Clients, applications and hosts, each by rate. */
function usageTables(
  { summary, growth }: LiveHourState,
  names: ReadonlyMap<string, string>,
  rows: Rows,
  style: TextStyle,
): string[] {
  const figures = (usage: Usage, grown: ReadonlyMap<string, number> | undefined): string[] => [
    rateText(grown?.get(usage.id) ?? 0, growth?.ms),
    formatBytes(usage.bytes),
    directionTexts(usage).download,
    directionTexts(usage).upload,
  ];
  const titles: readonly Column[] = [
    { title: "Rate", align: "right" },
    { title: "This hour", align: "right" },
    ...directionTitles,
  ];
  const nameWidth = Math.max(16, Math.min(32, style.columns - 64));
  const named = (
    title: string,
    section: "application" | "host",
    most: number,
    grown: Growth["hosts"] | undefined,
  ): string =>
    table(
      [{ title }, ...titles],
      byRate(summary.sections?.[section] ?? [], grown, most).map((usage) => [
        shown(labelOf(section, usage.id), Math.max(16, Math.min(48, style.columns - 48))),
        ...figures(usage, grown),
      ]),
      style,
    );
  return [
    table(
      [{ title: "Client" }, { title: "Address" }, ...titles],
      byRate(summary.clients, growth?.clients, rows.clients).map((usage) => [
        shown(clientText(usage, names).label, nameWidth),
        clientText(usage, names).note ?? "",
        ...figures(usage, growth?.clients),
      ]),
      style,
    ),
    named("Application", "application", rows.applications, growth?.applications),
    named("Host", "host", rows.hosts, growth?.hosts),
  ];
}

function interfaceTable({ interfaces, ms }: InterfaceState, most: number, style: TextStyle): string {
  return table(
    [
      { title: "Interface" },
      { title: "Zone" },
      { title: "Device" },
      { title: "Received", align: "right" },
      { title: "Sent", align: "right" },
    ],
    interfaces
      .slice(0, most)
      .map((one) => [
        shown(interfaceTitle(one), 24),
        shown(one.zone ?? "", 16),
        shown(one.device, 16),
        rateText(one.growth?.received ?? 0, one.growth && ms),
        rateText(one.growth?.sent ?? 0, one.growth && ms),
      ]),
    style,
  );
}
