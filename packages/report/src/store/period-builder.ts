/** Adds up the hours of a day, or the days of a month, to a {@link Period}. Pure. */
import { otherName, sectionNames, type SectionName } from "./hour-counters.ts";
import { DirectionsBuilder, downloadOf, uploadOf } from "./directions.ts";
import type { DayCounters, SectionColumns } from "./day-counters.ts";
import type { Day } from "./hour-key.ts";
import type { Period, PeriodSection } from "./period.ts";
import { TextColumn } from "./text-column.ts";

/** Most names of a client in a section; the smallest beyond it are folded into `other`. Halved until all rows of a section fit {@link maxRows}. */
const maxNames = 2048;
const maxRows = 2_000_000;
/** Rows are found by client × this + name. */
const keyScale = 2 ** 24;

export class PeriodBuilder {
  readonly #first: Day;
  readonly #slots: number;
  readonly #clients = new Map<string, number>();
  readonly #totals: number[] = [];
  readonly #download: number[] = [];
  readonly #upload: number[] = [];
  readonly #unattributed: Float64Array;
  readonly #versions: Float64Array;
  readonly #sections: Readonly<Record<SectionName, Rows>>;
  #present = 0;

  constructor(first: Day, slots: number) {
    this.#first = first;
    this.#slots = slots;
    this.#unattributed = new Float64Array(slots);
    this.#versions = new Float64Array(slots);
    this.#sections = { protocol: new Rows(), application: new Rows(), host: new Rows() };
  }

  /** Adds the hours of a day; this period's slots are hours. `version`: see `Period.versions`. */
  hours(day: DayCounters, version: number): void {
    this.#versions.fill(version);
    // A day lists an address with each of its devices, also where one of them had no traffic.
    const hasBytes = (at: number): boolean => day.totals.subarray(at * 24, at * 24 + 24).some((bytes) => bytes > 0);
    const clients = Int32Array.from(day.clients, (key, at) => (hasBytes(at) ? this.#client(key) : -1));
    for (let at = 0; at < clients.length; at++) {
      for (let hour = 0; hour < 24; hour++) {
        const cell = at * 24 + hour;
        this.#total(clients[at] ?? 0, hour, day.totals[cell] ?? 0, day.download[cell] ?? 0, day.upload[cell] ?? 0);
      }
    }
    for (let hour = 0; hour < 24; hour++) this.#without(hour, day.unattributed[hour] ?? 0);
    for (const name of sectionNames) this.#sections[name].hours(day.sections[name], clients);
  }

  /** Adds a day to a month; this period's slots are days. */
  day(day: Period, version: number): void {
    const slot = day.first.day - 1;
    this.#versions[slot] = version;
    this.#present |= 1 << slot;
    const clients = Int32Array.from(day.clients, (key) => this.#client(key));
    for (let at = 0; at < clients.length; at++) {
      for (let hour = 0; hour < day.slots; hour++) this.#totalOf(day, at * day.slots + hour, clients[at] ?? 0, slot);
    }
    this.#without(
      slot,
      day.unattributed.reduce((sum, bytes) => sum + bytes, 0),
    );
    for (const name of sectionNames) this.#sections[name].period(day.sections[name], clients, 1 << slot);
  }

  /** Adds what a period of the same slots has. */
  period(same: Period): void {
    const clients = Int32Array.from(same.clients, (key) => this.#client(key));
    for (let slot = 0; slot < same.slots; slot++) {
      this.#versions[slot] = same.versions[slot] ?? 0;
      for (let at = 0; at < clients.length; at++) this.#totalOf(same, at * same.slots + slot, clients[at] ?? 0, slot);
      this.#without(slot, same.unattributed[slot] ?? 0);
    }
    this.#present |= same.present;
    for (const name of sectionNames) this.#sections[name].period(same.sections[name], clients);
  }

  finish(): Period {
    const count = this.#clients.size;
    const directions = new DirectionsBuilder(this.#totals.length);
    for (const [at, bytes] of this.#totals.entries())
      directions.add(at, bytes, this.#download[at] ?? 0, this.#upload[at] ?? 0);
    return {
      first: this.#first,
      slots: this.#slots,
      present: this.#present >>> 0,
      versions: this.#versions,
      clients: [...this.#clients.keys()],
      totals: Float64Array.from(this.#totals),
      directions: directions.finish(),
      unattributed: this.#unattributed,
      sections: {
        protocol: this.#sections.protocol.finish(count),
        application: this.#sections.application.finish(count),
        host: this.#sections.host.finish(count),
      },
    };
  }

  #client(key: string): number {
    let index = this.#clients.get(key);
    if (index === undefined) {
      this.#clients.set(key, (index = this.#clients.size));
      for (let slot = 0; slot < this.#slots; slot++) {
        this.#totals.push(0);
        this.#download.push(0);
        this.#upload.push(0);
      }
    }
    return index;
  }

  /** Adds the total `at` of another period to a client's slot. */
  #totalOf({ totals, directions }: Period, at: number, client: number, slot: number): void {
    const bytes = totals[at] ?? 0;
    this.#total(client, slot, bytes, downloadOf(directions, at, bytes), uploadOf(directions, at));
  }

  #total(client: number, slot: number, bytes: number, download: number, upload: number): void {
    if (bytes === 0) return;
    const at = client * this.#slots + slot;
    this.#totals[at] = (this.#totals[at] ?? 0) + bytes;
    this.#download[at] = (this.#download[at] ?? 0) + download;
    this.#upload[at] = (this.#upload[at] ?? 0) + upload;
    this.#present |= 1 << slot;
  }

  #without(slot: number, bytes: number): void {
    if (bytes === 0) return;
    this.#unattributed[slot] = (this.#unattributed[slot] ?? 0) + bytes;
    this.#present |= 1 << slot;
  }
}

/** The rows of one section: client, name → bytes, their directions, and slots. */
class Rows {
  readonly #names = new Map<string, number>();
  readonly #rows = new Map<number, number>();
  readonly #keys: number[] = [];
  readonly #bytes: number[] = [];
  readonly #download: number[] = [];
  readonly #upload: number[] = [];
  readonly #when: number[] = [];

  hours({ names, parts }: SectionColumns, clients: Int32Array): void {
    const ids = this.#idsOf(names);
    for (const part of parts) {
      const { directions } = part;
      const when = 1 << part.hour;
      let row = 0;
      for (let index = 0; index < part.clients.length; index++) {
        const own = part.clients[index] ?? -1;
        const end = row + (part.counts[index] ?? 0);
        if (own < 0) row = end;
        const client = clients[own] ?? 0;
        for (; row < end; row++) {
          const bytes = part.bytes[row] ?? 0;
          const name = ids[part.names[part.name[row] ?? 0] ?? 0] ?? 0;
          this.#add(client, name, bytes, downloadOf(directions, row, bytes), uploadOf(directions, row), when);
        }
      }
    }
  }

  /** `when`: the slots of every row; without it those that the rows have. */
  period(section: PeriodSection, clients: Int32Array, when?: number): void {
    const { names, counts, name, bytes: column, directions, when: slots } = section;
    const ids = this.#idsOf(names.all());
    let row = 0;
    for (let index = 0; index < counts.length; index++) {
      const client = clients[index] ?? 0;
      for (const end = row + (counts[index] ?? 0); row < end; row++) {
        const bytes = column[row] ?? 0;
        const [download, upload] = [downloadOf(directions, row, bytes), uploadOf(directions, row)];
        this.#add(client, ids[name[row] ?? 0] ?? 0, bytes, download, upload, when ?? slots[row] ?? 0);
      }
    }
  }

  finish(clientCount: number): PeriodSection {
    const byClient: number[][] = Array.from({ length: clientCount }, () => []);
    for (let row = 0; row < this.#keys.length; row++)
      byClient[Math.floor((this.#keys[row] ?? 0) / keyScale)]?.push(row);
    let keep = maxNames;
    while (keep > 1 && byClient.reduce((sum, rows) => sum + Math.min(keep, rows.length), 0) > maxRows) keep /= 2;
    const kept = byClient.map((rows, client) => (rows.length > keep ? this.#fold(rows, client, keep) : rows));
    const all = kept.flat();
    const directions = new DirectionsBuilder(all.length);
    for (const [at, row] of all.entries())
      directions.add(at, this.#bytes[row] ?? 0, this.#download[row] ?? 0, this.#upload[row] ?? 0);
    return {
      names: TextColumn.of([...this.#names.keys()]),
      counts: Uint32Array.from(kept, (rows) => rows.length),
      name: Uint32Array.from(all, (row) => (this.#keys[row] ?? 0) % keyScale),
      bytes: Float64Array.from(all, (row) => this.#bytes[row] ?? 0),
      directions: directions.finish(),
      when: Uint32Array.from(all, (row) => this.#when[row] ?? 0),
    };
  }

  /** The `keep` largest rows of a client; the rest is added to its row of `other`. */
  #fold(rows: number[], client: number, keep: number): number[] {
    const other = this.#idsOf([otherName])[0] ?? 0;
    const sorted = rows.filter((row) => (this.#keys[row] ?? 0) % keyScale !== other);
    sorted.sort((a, b) => (this.#bytes[b] ?? 0) - (this.#bytes[a] ?? 0));
    const rest = sorted.splice(keep - 1);
    for (const row of rest) {
      const [download, upload] = [this.#download[row] ?? 0, this.#upload[row] ?? 0];
      this.#add(client, other, this.#bytes[row] ?? 0, download, upload, this.#when[row] ?? 0);
    }
    const own = this.#rows.get(client * keyScale + other);
    return own === undefined ? sorted : [...sorted, own];
  }

  #add(client: number, name: number, bytes: number, download: number, upload: number, when: number): void {
    if (bytes === 0) return;
    const key = client * keyScale + name;
    const row = this.#rows.get(key);
    if (row === undefined) {
      this.#rows.set(key, this.#keys.length);
      this.#keys.push(key);
      this.#bytes.push(bytes);
      this.#download.push(download);
      this.#upload.push(upload);
      this.#when.push(when);
    } else {
      this.#bytes[row] = (this.#bytes[row] ?? 0) + bytes;
      this.#download[row] = (this.#download[row] ?? 0) + download;
      this.#upload[row] = (this.#upload[row] ?? 0) + upload;
      this.#when[row] = (this.#when[row] ?? 0) | when;
    }
  }

  #idsOf(names: readonly string[]): Uint32Array {
    const ids = new Uint32Array(names.length);
    for (let index = 0; index < names.length; index++) {
      const name = names[index] ?? "";
      let id = this.#names.get(name);
      if (id === undefined) this.#names.set(name, (id = this.#names.size));
      ids[index] = id;
    }
    return ids;
  }
}

/** A day's counters as a period. */
export function periodOfDay(day: DayCounters, version: number): Period {
  const builder = new PeriodBuilder(day.day, 24);
  builder.hours(day, version);
  return builder.finish();
}
