/**
 * The command `dpireport-cleanup`: rolls up the days that are over, then keeps the reports within their share of the file system by removing the
 * oldest days.
 * Invariants: only roll-ups and folders named <yyyy>/<mm>/<dd> below the report directory are removed, and months and years that are then empty;
 * symbolic links are not followed; today stays; a day's folder disappears in one step, so that no roll-up is made of a part of it.
 */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import type { Files } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import { formatBytes } from "@nethsec/host/units";
import { isAddress } from "../store/client-address.ts";
import { dayOf, hourKeyAt, twoDigits, type Day } from "../store/hour-key.ts";
import { dayPath, listDays } from "../store/hour-store.ts";
import { formatDay } from "../store/report-day.ts";
import { reportPath } from "../store/report-path.ts";
import { rollUp } from "../store/roll-up.ts";
import { rolledDayPath } from "../store/roll-up-files.ts";
import { parsePercent, parseSize } from "./parse-size.ts";
import { removeDeviceLogs } from "./remove-device-logs.ts";
import { removeRollUps } from "./remove-roll-ups.ts";
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
  const keep = keptBy(call);
  const log = host.log.tagged("dpireport-cleanup");
  const today = dayOf(hourKeyAt(host.clock.now()));
  for (const name of host.files.list(base).filter((one) => one.startsWith(removedPrefix)))
    host.files.remove(`${base}/${name}`, { recursive: true });
  const removeDays = (isRemovable: (day: Day) => boolean): DayUse[] => {
    const all = listDays(host.files, base)
      .filter((day) => isReportDay(host.files, base, day))
      .map((day): DayUse => ({ day, bytes: sizeOf(host.files, dayPath(base, day)) }));
    const days = all.filter(({ day }) => isRemovable(day));
    const other = sizeOf(host.files, base) - days.reduce((sum, { bytes }) => sum + bytes, 0);
    const removed = daysToRemove(days, other, limit, today, keep.hourFiles);
    for (const { day } of removed) removeDay(host.files, base, day);
    return removed;
  };
  const before: DayUse[] = [];
  let rolled = rolledUp(call, base);
  if (rolled === undefined) {
    // Makes room by what is rolled up already, and tries once more before anything is removed that has no roll-up.
    before.push(...removeDays((day) => host.files.exists(rolledDayPath(base, day))));
    rolled = rolledUp(call, base);
  }
  // Half of the room is for hour files, which the web interface reads; roll-ups take less than a tenth of their space.
  const limits = { bytes: limit / 2, days: keep.days, months: keep.months };
  const gone = removeRollUps(host.files, base, today, limits, (path) => sizeOf(host.files, path));
  const removed = [...before, ...removeDays(() => true)];
  removeDeviceLogs(host.files, base, today);
  const used = sizeOf(host.files, base);
  const freed = removed.reduce((sum, { bytes }) => sum + bytes, 0);
  if (removed.length > 0)
    log("info", `removed ${removed.map(({ day }) => formatDay(day)).join(", ")}: ${formatBytes(freed)}`);
  if (gone.length > 0) log("info", `removed the roll-ups of ${gone.map(({ name }) => name).join(", ")}`);
  if (used > limit)
    log(
      "warning",
      `${base} uses ${formatBytes(used)}, more than its limit of ${formatBytes(limit)}: today's reports are never removed`,
    );
  const result = { path: base, limit, used, removed, rolled: rolled ?? [], gone };
  io.out(json ? jsonText(result) : plainText(result));
  return 0;
}

const removedPrefix = ".removed-";

/** The days rolled up by this run; undefined when it failed (a full disk), which is logged. */
function rolledUp({ host }: Call, base: string): readonly Day[] | undefined {
  const log = host.log.tagged("dpireport-cleanup");
  try {
    const { days } = rollUp({ files: host.files, base, now: () => host.clock.now() });
    if (days.length > 0) log("info", `rolled up ${days.map(formatDay).join(", ")}`);
    return days;
  } catch (error) {
    log("err", `The days that are over could not be rolled up: ${messageOf(error)} `);
    return undefined;
  }
}

/** `keep_hour_files` and `keep_days` in days, `keep_months` in months; undefined: as long as there is room. */
function keptBy({ host }: Call): Record<"hourFiles" | "days" | "months", number | undefined> {
  const config = host.uci.read("ns-report");
  const option = (name: string): number | undefined => {
    const text = config.get("config", name);
    if (text === undefined || text === "") return undefined;
    if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
    throw new NethsecError({
      code: "bad_setting",
      message: `ns-report.config.${name} is ${JSON.stringify(text.slice(0, 80))}, which is not a number from 1 to 99999.`,
      advice: `Correct it, or keep as much as there is room for: uci delete ns-report.config.${name}; uci commit ns-report`,
    });
  };
  return { hourFiles: option("keep_hour_files"), days: option("keep_days"), months: option("keep_months") };
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
  const path = `${base}/${removedPrefix}${formatDay(day)}`;
  files.rename(dayPath(base, day), path);
  files.remove(path, { recursive: true });
  const year = `${base}/${day.year}`;
  const month = `${year}/${twoDigits(day.month)}`;
  for (const folder of [month, year]) if (files.list(folder).length === 0) files.remove(folder, { recursive: true });
}

interface Result {
  readonly path: string;
  readonly limit: number;
  readonly used: number;
  readonly removed: readonly DayUse[];
  readonly rolled: readonly Day[];
  readonly gone: readonly { readonly name: string; readonly bytes: number }[];
}

function plainText({ path, limit, used, removed, rolled, gone }: Result): string {
  const lines = [
    ...rolled.map((day) => `Rolled up ${formatDay(day)}`),
    ...gone.map(({ name, bytes }) => `Removed the roll-up of ${name}: ${formatBytes(bytes)}`),
    ...removed.map(({ day, bytes }) => `Removed ${formatDay(day)}: ${formatBytes(bytes)}`),
  ];
  const state = `${path} uses ${formatBytes(used)} of ${formatBytes(limit)}.`;
  const note =
    used > limit ? " Only days before today are removed." : removed.length === 0 ? " Nothing to remove." : "";
  return `${[...lines, state + note].join("\n")}\n`;
}

function jsonText({ path, limit, used, removed, rolled, gone }: Result): string {
  const days = removed.map(({ day, bytes }) => ({ day: formatDay(day), bytes }));
  return `${JSON.stringify({ path, limit, used, removed: days, rolled_up: rolled.map(formatDay), removed_roll_ups: gone })}\n`;
}
