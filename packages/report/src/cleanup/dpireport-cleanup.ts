/**
 * The command `dpireport-cleanup`: keeps the reports within their share of the file system by removing the oldest days.
 * Invariants: only folders named <yyyy>/<mm>/<dd> below the report directory are removed, and months and years that are then empty;
 * symbolic links are not followed; today stays.
 */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import type { Files } from "@nethsec/host/host";
import { formatBytes } from "@nethsec/host/units";
import { isAddress } from "../store/client-address.ts";
import { dayOf, hourKeyAt, twoDigits, type Day } from "../store/hour-key.ts";
import { dayPath, listDays } from "../store/hour-store.ts";
import { reportPath } from "../store/report-path.ts";
import { parsePercent, parseSize } from "./parse-size.ts";
import { daysToRemove, type DayUse } from "./retention.ts";

/** Allocation unit of tmpfs and most file systems. */
const blockBytes = 4096;

/** Exit code 0, also when there is nothing to remove. */
export function run(call: Call): number {
  const { host, io, json } = call;
  const base = reportPath(io.env, host.uci);
  if (host.files.stat(base, { follow: true })?.type !== "directory") {
    io.out(
      json
        ? `${JSON.stringify({ path: base, limit: 0, used: 0, removed: [] })}\n`
        : `${base} does not exist: no reports, nothing to do.\n`,
    );
    return 0;
  }
  const limit = limitOf(call, base);
  const days = listDays(host.files, base)
    .filter((day) => isReportDay(host.files, base, day))
    .map((day): DayUse => ({ day, bytes: sizeOf(host.files, dayPath(base, day)) }));
  const used = sizeOf(host.files, base);
  const other = used - days.reduce((sum, { bytes }) => sum + bytes, 0);
  const removed = daysToRemove(days, other, limit, dayOf(hourKeyAt(host.clock.now())));
  for (const { day } of removed) removeDay(host.files, base, day);
  const freed = removed.reduce((sum, { bytes }) => sum + bytes, 0);
  const log = host.log.tagged("dpireport-cleanup");
  if (removed.length > 0)
    log("info", `removed ${removed.map(({ day }) => dayText(day)).join(", ")}: ${formatBytes(freed)}`);
  if (used - freed > limit)
    log(
      "warning",
      `${base} uses ${formatBytes(used - freed)}, more than its limit of ${formatBytes(limit)}: today's reports are never removed`,
    );
  io.out(json ? jsonText(base, limit, used - freed, removed) : plainText(base, limit, used - freed, removed));
  return 0;
}

/** The limit: from the options, else ns-report.config.max_percent, else 1% of the file system that holds the reports. */
function limitOf({ host, io, options }: Call, base: string): number {
  const { "max-size": size, "max-percent": percent } = options;
  if (typeof size === "string" && typeof percent === "string") {
    throw new UsageError("--max-size and --max-percent exclude each other.", "Give one of them.");
  }
  if (typeof size === "string") return parseSize(size);
  const configured =
    io.env["DUMP_PATH"] === undefined ? host.uci.read("ns-report").get("config", "max_percent") : undefined;
  const share = parsePercent(typeof percent === "string" ? percent : (configured ?? "1"));
  return Math.floor((host.system.fileSystem(base).size * share) / 100);
}

/** Disk use of a folder with all its contents, in whole blocks. */
function sizeOf(files: Files, path: string): number {
  const stat = files.stat(path);
  if (stat === undefined) return 0;
  // File systems report different sizes for a folder; count one block.
  if (stat.type !== "directory") return Math.ceil(stat.size / blockBytes) * blockBytes;
  return files.list(path).reduce((sum, name) => sum + sizeOf(files, `${path}/${name}`), blockBytes);
}

/** True for a day folder that is reached without symbolic links and contains nothing but reports. */
function isReportDay(files: Files, base: string, day: Day): boolean {
  const path = dayPath(base, day);
  const folders = [path, path.slice(0, -3), path.slice(0, -6)];
  return (
    folders.every((folder) => files.stat(folder)?.type === "directory") &&
    files.list(path).every((name) => isAddress(name) || /^\.(unattributed\.json|\d\d\.index)$/.test(name))
  );
}

function removeDay(files: Files, base: string, day: Day): void {
  files.remove(dayPath(base, day), { recursive: true });
  const year = `${base}/${day.year}`;
  const month = `${year}/${twoDigits(day.month)}`;
  for (const folder of [month, year]) if (files.list(folder).length === 0) files.remove(folder, { recursive: true });
}

function dayText({ year, month, day }: Day): string {
  return `${year}-${twoDigits(month)}-${twoDigits(day)}`;
}

function plainText(base: string, limit: number, used: number, removed: readonly DayUse[]): string {
  const lines = removed.map(({ day, bytes }) => `Removed ${dayText(day)}: ${formatBytes(bytes)}`);
  const state = `${base} uses ${formatBytes(used)} of ${formatBytes(limit)}.`;
  const note =
    used > limit ? " Only days before today are removed." : removed.length === 0 ? " Nothing to remove." : "";
  return `${[...lines, state + note].join("\n")}\n`;
}

function jsonText(path: string, limit: number, used: number, removed: readonly DayUse[]): string {
  return `${JSON.stringify({ path, limit, used, removed: removed.map(({ day, bytes }) => ({ day: dayText(day), bytes })) })}\n`;
}
