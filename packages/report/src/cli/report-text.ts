/** Reports for the terminal: headings, bars, tables of traffic. Pure. */
import { cells, table } from "@nethsec/host/command/table";
import { formatBytes } from "@nethsec/host/units";
import { twoDigits, type Day } from "../store/hour-key.ts";
import { formatDay } from "../store/report-day.ts";
import { directionTexts } from "../query/direction-text.ts";
import { splitOf, type Traffic } from "../query/traffic.ts";
import { percent } from "../query/percent.ts";
import { visibleText } from "@nethsec/host/command/visible-text";

export interface TextStyle {
  readonly color: boolean;
  /** Width of the terminal. */
  readonly columns: number;
}

export function heading(text: string, style: TextStyle): string {
  return style.color ? `\u001b[1m${visibleText(text)}\u001b[0m` : visibleText(text);
}

/** Makes text from the network safe for a terminal: no control or direction characters, cut to `width` cells. */
export function shown(text: string, width: number): string {
  const clean = visibleText(text);
  if (cells(clean) <= width) return clean;
  let cut = "";
  for (const character of clean) {
    if (cells(cut + character) > width - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of at most `width` cells for a share from 0 to 1, in eighths of a cell; any share above 0 is visible. */
export function bar(share: number, width: number): string {
  const parts = share <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, share) * width * 8));
  return "█".repeat(Math.floor(parts / 8)) + (eighths[parts % 8] ?? "");
}

/** One line for each bar: label, traffic, bar; a dash where nothing was recorded. */
export function barLines(
  bars: readonly { readonly label: string; readonly bytes: number | undefined }[],
  style: TextStyle,
): string {
  const top = Math.max(0, ...bars.map(({ bytes }) => bytes ?? 0));
  const labelWidth = Math.max(0, ...bars.map(({ label }) => label.length));
  const width = Math.max(10, Math.min(60, style.columns - 18 - labelWidth));
  return bars
    .map(({ label, bytes }) => {
      const traffic = bytes === undefined ? "—" : formatBytes(bytes);
      const line = `${label.padEnd(labelWidth)}  ${traffic.padStart(9)}  ${bar(top === 0 ? 0 : (bytes ?? 0) / top, width)}`;
      return line.trimEnd();
    })
    .join("\n");
}

/** One line for each hour up to `last` (0 to 23). */
export function hourLines(hours: readonly number[], last: number, style: TextStyle): string {
  const bars = hours.slice(0, last + 1).map((bytes, hour) => ({ label: twoDigits(hour), bytes }));
  return barLines(bars, style);
}

/** "52 GiB (download 45 GiB, upload 7 GiB)". `since`: see `RangeSummary.directionsSince`. */
export function trafficFact(traffic: Traffic, since?: Day): string {
  const total = formatBytes(traffic.bytes);
  const isKnown = splitOf(traffic) !== undefined;
  if (isKnown && traffic.bytes > 0) {
    const { download, upload } = directionTexts(traffic);
    return `${total} (download ${download}, upload ${upload})`;
  }
  return since === undefined ? total : `${total} (download and upload are known since ${formatDay(since)})`;
}

export interface TrafficRow extends Traffic {
  readonly label: string;
  /** The client's address, when `label` is its name. */
  readonly address?: string;
}

export const directionTitles = [
  { title: "Download", align: "right" },
  { title: "Upload", align: "right" },
] as const;

/** Names with traffic, share and a bar; with an address column when any row has an address, and download and upload when they are known of any. */
export function trafficTable(what: string, rows: readonly TrafficRow[], total: number, style: TextStyle): string {
  const addressWidth = Math.max(...rows.map((row) => row.address?.length ?? 0));
  const isNamed = addressWidth > 0;
  const isSplit = rows.some((row) => splitOf(row) !== undefined);
  const hasBar = !isSplit || style.columns >= 100;
  // Traffic, share, and the gaps between them take 20 cells, a bar 14, download and upload 24.
  const others = 20 + (hasBar ? 14 : 0) + (isSplit ? 24 : 0) + (isNamed ? addressWidth + 2 : 0);
  const nameWidth = Math.max(16, Math.min(64, style.columns - others));
  const top = Math.max(1, ...rows.map((row) => row.bytes));
  return table(
    [
      { title: what },
      ...(isNamed ? [{ title: "Address" }] : []),
      { title: "Traffic", align: "right" },
      ...(isSplit ? directionTitles : []),
      { title: "Share", align: "right" },
      ...(hasBar ? [{ title: "" }] : []),
    ],
    rows.map((row) => [
      shown(row.label, nameWidth),
      ...(isNamed ? [row.address ?? ""] : []),
      formatBytes(row.bytes),
      ...(isSplit ? [directionTexts(row).download, directionTexts(row).upload] : []),
      percent(total === 0 ? 0 : (row.bytes / total) * 100),
      ...(hasBar ? [bar(row.bytes / top, 12)] : []),
    ]),
    { color: style.color },
  );
}
