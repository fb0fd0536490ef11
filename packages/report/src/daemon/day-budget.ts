/**
 * Limits how much of the disk one day of reports takes. Every client of an hour costs a file, so a sender with many forged addresses creates many
 * files: in an hour beyond its allowance the smallest clients lose their files, and their bytes become unattributed. Pure.
 *
 * Invariants: an hour gets at most a sixth of the day's share and at most half of what the other hours left, so that a flood in one hour leaves room
 * for the next ones and the day stays within its share; the clients with the most traffic stay.
 */
import { sectionNames, type ClientHour } from "../store/hour-counters.ts";
import { dayOf, type HourKey } from "../store/hour-key.ts";
import { formatDay } from "../store/report-day.ts";

/** Allocation unit of tmpfs and most file systems. */
const blockBytes = 4096;
/** Cost of a client: inode and directory entries of its file, and its part of the index without names. */
const clientBytes = 1024;
/** Cost of a name: its entry in the hour file, and the row of the index (bytes, number of the name, upload). */
const nameBytes = 56;
const indexNameBytes = 20;
/** An hour over its limit is cut to this fraction of it, so that the next dump need not cut again. */
const cutTo = 0.75;

export class DayBudget {
  readonly #limit: () => number;
  readonly #hours = new Map<HourKey, number>();

  /** `limit`: disk space, in bytes, that one day may take. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Records the disk use of an hour that is no longer counted. */
  note(key: HourKey, bytes: number): void {
    this.#hours.set(key, bytes);
  }

  /** Addresses of the clients of an hour that do not fit, smallest last. Records the disk use of the remaining ones. */
  surplus(key: HourKey, clients: ReadonlyMap<string, ClientHour>): string[] {
    let bytes = 0;
    for (const client of clients.values()) bytes += bytesOf(client);
    const allowance = this.#allowance(key);
    const surplus: string[] = [];
    if (bytes > allowance) {
      bytes = 0;
      const sorted = [...clients].sort((a, b) => b[1].total - a[1].total);
      for (const [address, client] of sorted) {
        const own = bytesOf(client);
        if (bytes + own > allowance * cutTo) surplus.push(address);
        else bytes += own;
      }
    }
    this.#hours.set(key, bytes);
    this.#forgetOld(key);
    return surplus;
  }

  #allowance(key: HourKey): number {
    const limit = this.#limit();
    const day = formatDay(dayOf(key));
    let others = 0;
    for (const [hour, bytes] of this.#hours) if (hour !== key && formatDay(dayOf(hour)) === day) others += bytes;
    return Math.max(0, Math.min(limit / 6, (limit - others) / 2));
  }

  /** Keeps two days: around midnight both are written. */
  #forgetOld(key: HourKey): void {
    if (this.#hours.size <= 48) return;
    const oldest = Math.min(...this.#hours.keys());
    if (oldest !== key) this.#hours.delete(oldest);
  }
}

/** Approximate disk use of one client in one hour. */
export function bytesOf(client: ClientHour): number {
  const names = sectionNames.reduce((sum, section) => sum + client[section].size, 0);
  return (
    Math.ceil((clientBytes / 16 + names * nameBytes) / blockBytes) * blockBytes + clientBytes + names * indexNameBytes
  );
}
