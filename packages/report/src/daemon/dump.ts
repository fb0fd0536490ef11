/**
 * Writes the ledger to disk: first the checkpoint (at that moment the dump takes effect, see checkpoint.ts), then hour files, `.unattributed.json`,
 * hour indexes. Invariants: an hour's counters are merged with those on disk before anything of that hour is written; a dump that fails half-way
 * leaves everything dirty that is not on disk, and the next dump continues; when events arrive during a dump the disk may be ahead of the checkpoint,
 * but never behind what readers saw before.
 */
import type { Clock, Files } from "@nethsec/host/host";
import { emptyClient, type HourCounters } from "../store/hour-counters.ts";
import { dayOf, hourKey, hourKeyAt, hourOf, type Day, type HourKey } from "../store/hour-key.ts";
import {
  dayPath,
  hourPath,
  listClients,
  listHours,
  readUnattributed,
  writeHour,
  writeUnattributed,
} from "../store/hour-store.ts";
import { readHourFiles, rebuildIndexes, surveyDay, writeIndex } from "../store/hour-tables.ts";
import type { Accounting } from "./accounting.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { bytesOf, DayBudget } from "./day-budget.ts";
import { takeForeignFiles } from "./foreign-files.ts";
import type { InterfaceNumbers } from "./interface-numbers.ts";
import type { Ledger, OpenHour } from "./ledger.ts";

/** Hours kept in memory while nothing can be written: three days. */
const maxHours = 72;
/** A dump writes files for this long before it lets events be processed. */
const sliceMs = 25;

export interface DumpParts {
  readonly files: Files;
  readonly base: string;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly accounting: Accounting;
  readonly interfaces: InterfaceNumbers;
  readonly staleSeconds: number;
  /** Disk space, in bytes, that one day may take. */
  readonly dayBytes: () => number;
  /** Logs a message for the administrator, once for each occurrence. */
  readonly warn: (text: string) => void;
}

export class Dump {
  readonly #parts: DumpParts;
  #restored = false;
  readonly #hoursOfDay = new Map<string, number>();
  readonly #unattributed = new Map<HourKey, number>();
  /** By day: when its newest index was written. */
  readonly #indexedAt = new Map<string, number>();
  readonly #budget: DayBudget;

  constructor(parts: DumpParts) {
    this.#parts = parts;
    this.#budget = new DayBudget(parts.dayBytes);
  }

  /**
   * Loads the checkpoint of an earlier daemon. Called first at the start; if the disk cannot be read then (throws `FileError`), `write` retries and
   * takes only the counters: flows that were counted meanwhile already have their totals.
   */
  restore(): void {
    const { files, base, ledger, accounting, interfaces, warn } = this.#parts;
    const path = `${base}/.checkpoint`;
    const bytes = files.readBytes(path);
    const checkpoint = bytes === undefined ? undefined : decodeCheckpoint(bytes);
    if (checkpoint === undefined && bytes !== undefined) {
      files.rename(path, `${path}.damaged`);
      warn(`${path} was damaged; it is kept as ${path}.damaged. The hour files are kept and added to.`);
    }
    if (checkpoint !== undefined) {
      if (accounting.flows.size === 0 && accounting.events === 0) checkpoint.restoreFlows(accounting, interfaces.of);
      for (const [key, counters] of checkpoint.hours) {
        ledger.merge(key, counters);
        markDirty(ledger.hour(key));
      }
    }
    this.#restored = true;
  }

  /** Writes everything to disk. `yielding`: processes events between files. Throws `FileError`; nothing is lost then. */
  async write(yielding: boolean): Promise<void> {
    const { files, base, clock, ledger, accounting, interfaces, staleSeconds } = this.#parts;
    accounting.sweep(staleSeconds);
    this.#dropOldest();
    if (!this.#restored) this.restore();
    const waiting = accounting.waitingByHour();
    for (const key of waiting.keys()) ledger.hour(key);
    for (const [key, open] of ledger.hours)
      if (!open.merged) ledger.merge(key, readHourFiles(files, base, dayOf(key), hourOf(key)));
    for (const day of daysOf(ledger.hours.keys())) this.#takeForeign(day);
    for (const [key, open] of ledger.hours) if (open.dirty) await this.#cut(key, open, yielding);
    // Hours that begin while files are written are not in this checkpoint; the next dump writes them.
    const hours = Array.from(ledger.hours);
    const checkpoint = encodeCheckpoint({ accounting, ledger, interfaces: interfaces.names });
    files.write(`${base}/.checkpoint`, checkpoint, { mode: 0o600 });
    // Frees some megabytes now instead of at the next garbage collection.
    checkpoint.buffer.transfer(0);
    for (const [key, open] of hours) {
      await this.#writeHourFiles(key, open, yielding);
      this.#writeUnattributed(key, open.counters.unattributed + (waiting.get(key) ?? 0));
    }
    const current = hourKeyAt(clock.now());
    for (const [key, open] of hours) {
      if (key === current || open.dirty || accounting.waitingByHour().has(key)) continue;
      ledger.close(key);
      this.#unattributed.delete(key);
    }
  }

  /**
   * The current counters of an hour, merged with those on disk; undefined when nothing was reported in it, or when the disk cannot be read yet.
   * Throws `FileError`.
   */
  hourNow(key: HourKey): HourCounters | undefined {
    const { files, base, ledger } = this.#parts;
    const open = this.#restored ? ledger.hours.get(key) : undefined;
    if (open?.merged === false) ledger.merge(key, readHourFiles(files, base, dayOf(key), hourOf(key)));
    return open?.counters;
  }

  async #writeHourFiles(key: HourKey, open: OpenHour, yielding: boolean): Promise<void> {
    if (!open.dirty) return;
    const { files, base, clock } = this.#parts;
    const day = dayOf(key);
    const hours = this.#knownHours(day) | (1 << hourOf(key));
    this.#hoursOfDay.set(dayPath(base, day), hours);
    open.dirty = false;
    let sliceEnd = clock.monotonic() + sliceMs;
    try {
      for (const [address, client] of open.counters.clients) {
        if (!client.dirty) continue;
        client.dirty = false;
        try {
          writeHour(files, base, key, address, client);
        } catch (error) {
          client.dirty = true;
          throw error;
        }
        if (yielding && clock.monotonic() > sliceEnd) {
          await clock.sleep(0);
          sliceEnd = clock.monotonic() + sliceMs;
        }
      }
      // Plus one millisecond: file times have a finer resolution than the clock.
      const asOf = clock.now() + 1;
      writeIndex(files, base, day, hourOf(key), open.counters, { asOf, hours });
      this.#indexedAt.set(dayPath(base, day), asOf);
    } catch (error) {
      open.dirty = true;
      throw error;
    }
  }

  #takeForeign(day: Day): void {
    const { files, base, clock, ledger } = this.#parts;
    const path = dayPath(base, day);
    const hours = this.#knownHours(day);
    const since = this.#indexedAt.get(path);
    if (since === undefined) return;
    this.#hoursOfDay.set(path, takeForeignFiles({ files, base, day, since, now: clock.now() + 1, hours }, ledger));
  }

  /**
   * Folds the clients of an hour for which the day's share has no room. Their files are removed before the checkpoint is replaced: after a crash in
   * between, the next daemon has their counters from the earlier checkpoint and rewrites the files.
   */
  async #cut(key: HourKey, open: OpenHour, yielding: boolean): Promise<void> {
    const { files, base, clock, ledger, warn } = this.#parts;
    const surplus = this.#budget.surplus(key, open.counters.clients);
    if (surplus.length === 0) return;
    let sliceEnd = clock.monotonic() + sliceMs;
    for (const address of surplus) {
      ledger.foldClient(key, address);
      files.remove(hourPath(base, key, address));
      const folder = `${dayPath(base, dayOf(key))}/${address}`;
      if (files.list(folder).length === 0) files.remove(folder, { recursive: true });
      if (yielding && clock.monotonic() > sliceEnd) {
        await clock.sleep(0);
        sliceEnd = clock.monotonic() + sliceMs;
      }
    }
    warn(
      `${surplus.length} clients with the least traffic are not in the reports of this hour: more would take more of the disk than a day may (ns-report.config.max_day_percent). Their bytes are unattributed.`,
    );
  }

  #writeUnattributed(key: HourKey, bytes: number): void {
    if (this.#unattributed.get(key) === bytes) return;
    const { files, base } = this.#parts;
    const hours = readUnattributed(files, base, dayOf(key));
    if (hours[hourOf(key)] !== bytes) {
      hours[hourOf(key)] = bytes;
      writeUnattributed(files, base, dayOf(key), hours);
    }
    this.#unattributed.set(key, bytes);
  }

  /** Bit mask of the hours of a day that have files; the first call for a day rebuilds its indexes if they are incomplete. */
  #knownHours(day: Day): number {
    const { files, base, clock } = this.#parts;
    const known = this.#hoursOfDay.get(dayPath(base, day));
    if (known !== undefined) return known;
    let hours = 0;
    const bytes = new Float64Array(24);
    for (const client of listClients(files, base, day)) {
      for (const hour of listHours(files, base, day, client)) {
        hours |= 1 << hour;
        bytes[hour] = (bytes[hour] ?? 0) + smallestClient;
      }
    }
    if (!surveyDay(files, base, day).complete) rebuildIndexes(files, base, day, clock.now());
    for (const [hour, sum] of bytes.entries()) if (sum > 0) this.#budget.note(hourKey(day, hour), sum);
    this.#hoursOfDay.set(dayPath(base, day), hours);
    return hours;
  }

  #dropOldest(): void {
    const { ledger, warn } = this.#parts;
    while (ledger.hours.size > maxHours) {
      const oldest = Math.min(...ledger.hours.keys());
      ledger.close(oldest);
      warn(`The numbers of hour ${oldest} are lost: nothing could be written for three days.`);
    }
  }
}

const smallestClient = bytesOf(emptyClient());

function daysOf(keys: Iterable<HourKey>): Day[] {
  return [...new Set([...keys].map((key) => Math.floor(key / 100)))].map((day) => dayOf(day * 100));
}

/** The counters of a checkpoint replace those in the hour files. */
function markDirty(open: OpenHour): void {
  open.dirty = true;
  for (const client of open.counters.clients.values()) client.dirty = true;
}
