/**
 * How much of the disk one day of reports may take. Every client of an hour costs a file, and whoever sends from many invented addresses makes
 * many: the smallest clients of an hour beyond its allowance lose their files, their bytes are unattributed from then on. Pure.
 *
 * Invariants: an hour has at most a sixth of the day's share and at most half of what the other hours left, so that a flood in one hour leaves room
 * for the next ones and the day stays within its share; of the clients of an hour those with the most traffic stay.
 */
import { sectionNames, type ClientHour } from "../store/hour-counters.ts";
import { dayOf, type HourKey } from "../store/hour-key.ts";
import { formatDay } from "../store/report-day.ts";

/** tmpfs and most file systems give files space in such pieces. */
const blockBytes = 4096;
/** Of a file's inode and its folder's entries, and of the client's part of the index without its names. */
const clientBytes = 1024;
/** A name with its bytes in the hour file; and again, shorter, in the index. */
const nameBytes = 56;
/** When an hour has to be cut, it is cut to this, so that it need not be cut again at the next dump. */
const cutTo = 0.75;

export class DayBudget {
  readonly #limit: () => number;
  readonly #hours = new Map<HourKey, number>();

  /** `limit`: bytes that a day may take. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** What an hour takes on disk that nobody counts any more. */
  note(key: HourKey, bytes: number): void {
    this.#hours.set(key, bytes);
  }

  /** The clients of an hour that do not fit: their addresses, smallest last. Remembers what the others take. */
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

  /** Two days are enough: at midnight both are written. */
  #forgetOld(key: HourKey): void {
    if (this.#hours.size <= 48) return;
    const oldest = Math.min(...this.#hours.keys());
    if (oldest !== key) this.#hours.delete(oldest);
  }
}

/** What a client of an hour takes on disk, about. */
export function bytesOf(client: ClientHour): number {
  const names = sectionNames.reduce((sum, section) => sum + client[section].size, 0);
  return Math.ceil((clientBytes / 16 + names * nameBytes) / blockBytes) * blockBytes + clientBytes + names * 16;
}
