/**
 * Which device (MAC address) had which address, hour by hour: the files `.devices/2026-11` of the report directory, a line for each change:
 *
 *     22 13 4a:d3:49:8f:86:ca 192.168.1.7
 *
 * From 22 November 13:00 on the address was that device's. Each month begins anew, so that a month needs no other file.
 * Invariants: lines are only appended, and a line that is damaged or cut off by a power loss is skipped; a file has at most {@link maxLines} lines.
 */
import type { Files } from "@nethsec/host/host";
import { isAddress } from "./client-address.ts";
import { isDevice } from "./client-key.ts";
import { dayOf, hourOf, twoDigits, type Day, type HourKey } from "./hour-key.ts";
import { reportMode } from "./report-access.ts";

/** About 3 MB: a thousand devices with two new addresses a day each. */
const maxLines = 65_536;
const maxBytes = maxLines * 80;

export const devicesFolder = ".devices";

export function devicesPath(base: string, { year, month }: Pick<Day, "year" | "month">): string {
  return `${base}/${devicesFolder}/${year}-${twoDigits(month)}`;
}

/** The device that had an address in an hour (0 to 23) of one day; undefined: not known. */
export type OwnerOf = (address: string, hour: number) => string | undefined;

export const nobodyKnown: OwnerOf = () => undefined;

interface Change {
  /** Day × 100 + hour. */
  readonly from: number;
  readonly device: string;
}

interface Month {
  /** Changes with the file. */
  mark: string;
  readonly changes: Map<string, Change[]>;
  lines: number;
}

export class DeviceLog {
  readonly #files: Files;
  readonly #base: string;
  readonly #months = new Map<string, Month>();

  constructor(files: Files, base: string) {
    this.#files = files;
    this.#base = base;
  }

  /** Appends who has which address in an hour, where that is new. Returns whether there was room for all of it. Throws `FileError`. */
  note(key: HourKey, owners: Iterable<readonly [address: string, device: string]>): boolean {
    const day = dayOf(key);
    const hour = hourOf(key);
    const path = devicesPath(this.#base, day);
    const month = this.#month(path);
    const isFirst = month.lines === 0;
    const lines: string[] = [];
    let isAll = true;
    for (const [address, device] of owners) {
      if (!isAddress(address) || !isDevice(device)) continue;
      if (ownerIn(month, day.day * 100 + hour, address) === device) continue;
      if (month.lines >= maxLines) {
        isAll = false;
        continue;
      }
      addChange(month, address, { from: day.day * 100 + hour, device });
      lines.push(`${twoDigits(day.day)} ${twoDigits(hour)} ${device} ${address}\n`);
    }
    if (lines.length === 0) return isAll;
    try {
      this.#files.mkdir(`${this.#base}/${devicesFolder}`);
      // The line break before them ends a line that a power loss has cut off.
      this.#files.append(path, `${isFirst ? "" : "\n"}${lines.join("")}`, { mode: reportMode });
      month.mark = this.#markOf(path);
    } catch (error) {
      // Read anew and noted again at the next call.
      this.#months.delete(path);
      throw error;
    }
    return isAll;
  }

  /** Reads the month's file when it has changed. An address that changes hands within an hour belongs to the later device for all of it. */
  of(day: Day): OwnerOf {
    const month = this.#month(devicesPath(this.#base, day));
    if (month.changes.size === 0) return nobodyKnown;
    return (address, hour) => ownerIn(month, day.day * 100 + hour, address);
  }

  #month(path: string): Month {
    const mark = this.#markOf(path);
    const known = this.#months.get(path);
    if (known?.mark === mark) return known;
    // Larger than it can be by our own lines: neither read nor written to.
    const isOurs = (this.#files.stat(path)?.size ?? 0) <= maxBytes;
    const month = isOurs
      ? monthOf(mark, this.#files.readText(path) ?? "")
      : { mark, changes: new Map<string, Change[]>(), lines: maxLines };
    // Years are read a month at a time.
    this.#months.clear();
    this.#months.set(path, month);
    return month;
  }

  #markOf(path: string): string {
    const stat = this.#files.stat(path);
    return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
  }
}

function ownerIn({ changes }: Month, at: number, address: string): string | undefined {
  return changes.get(address)?.findLast(({ from }) => from <= at)?.device;
}

function addChange(month: Month, address: string, change: Change): void {
  const list = month.changes.get(address);
  if (list === undefined) month.changes.set(address, [change]);
  else list.push(change);
  month.lines += 1;
}

function monthOf(mark: string, text: string): Month {
  const month: Month = { mark, changes: new Map(), lines: 0 };
  for (const line of text.split("\n")) {
    const [day = "", hour = "", device = "", address = "", ...more] = line.split(" ");
    if (!/^\d\d$/.test(day) || !/^\d\d$/.test(hour) || more.length > 0) continue;
    if (isDevice(device) && isAddress(address))
      addChange(month, address, { from: Number(day) * 100 + Number(hour), device });
  }
  return month;
}
