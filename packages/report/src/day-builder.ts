/** Puts the hours of one day together into the columns of `DayCounters`. Pure. Invariant: rows are grouped by hour, then client. */
import type { DayCounters, SectionColumns } from "./day-counters.ts";
import type { ClientHour, SectionName } from "./hour-counters.ts";
import { sectionNames } from "./hour-counters.ts";
import type { HourColumns, HourSection } from "./hour-index.ts";
import type { Day } from "./hour-key.ts";

export interface DayBuilder {
  /** Clients in their final order, once, before the first hour. */
  clients(addresses: readonly string[]): void;
  /** Makes room at once for what will come: growing step by step costs more than the rows themselves. */
  reserve(section: SectionName, rows: number): void;
  /** The index of one hour; `wanted` says whether a client is to be taken from it. */
  hour(hour: number, columns: HourColumns, wanted: (client: string) => boolean): void;
  /** One hour file. */
  add(hour: number, client: string, counters: ClientHour): void;
  unattributed(hours: Float64Array): void;
  finish(): DayCounters;
}

export function dayBuilder(day: Day): DayBuilder {
  const columns = { protocol: new Columns(), application: new Columns(), host: new Columns() };
  const indexes = new Map<string, number>();
  let clients: readonly string[] = [];
  let totals = new Float64Array(0);
  let unattributed = new Float64Array(24);
  return {
    clients(addresses) {
      clients = addresses;
      totals = new Float64Array(addresses.length * 24);
      for (const [index, address] of addresses.entries()) indexes.set(address, index);
    },
    reserve: (section, rows) => columns[section].reserve(rows),
    hour(hour, index, wanted) {
      // -1: not of this report.
      const local = new Int32Array(index.clients.length).fill(-1);
      for (let at = 0; at < local.length; at++) {
        const address = index.clients[at] ?? "";
        const client = wanted(address) ? indexes.get(address) : undefined;
        if (client === undefined) continue;
        local[at] = client;
        totals[client * 24 + hour] = index.totals[at] ?? 0;
      }
      for (const section of sectionNames) columns[section].append(hour, index.sections[section], local);
    },
    add(hour, client, counters) {
      const index = indexes.get(client);
      if (index === undefined) return;
      totals[index * 24 + hour] = counters.total;
      for (const section of sectionNames) {
        for (const [name, cell] of counters[section])
          columns[section].push(index, hour, columns[section].id(name), cell.bytes);
      }
    },
    unattributed(hours) {
      unattributed = new Float64Array(hours);
    },
    finish: () => ({
      day,
      clients,
      totals,
      unattributed,
      sections: sections((section) => columns[section].finish()),
    }),
  };
}

function sections<T>(make: (section: SectionName) => T): Record<SectionName, T> {
  return { protocol: make("protocol"), application: make("application"), host: make("host") };
}

/** Columns that grow; names get numbers in the order they are first seen. */
class Columns {
  private readonly ids = new Map<string, number>();
  private rows = 0;
  private client = new Uint32Array(0);
  private hour = new Uint8Array(0);
  private name = new Uint32Array(0);
  private bytes = new Float64Array(0);

  /** All rows of an index whose client is wanted; `clients`: the index's numbers → the day's, -1 for unwanted ones. */
  append(hour: number, section: HourSection, clients: Int32Array): void {
    this.reserve(section.name.length);
    const ids = this.idsOf(section.names);
    const begin = this.rows;
    let from = 0;
    // Clients that follow each other in the index are copied together.
    let wantedFrom = 0;
    for (let index = 0; index < clients.length; index++) {
      if ((clients[index] ?? -1) < 0) {
        this.copy(section, wantedFrom, from, ids);
        wantedFrom = from + (section.counts[index] ?? 0);
      }
      from += section.counts[index] ?? 0;
    }
    this.copy(section, wantedFrom, from, ids);
    this.hour.fill(hour, begin, this.rows);
    repeatClients(section.counts, clients, this.client, begin);
  }

  // A plain loop: TypedArray.from with a function takes four times as long.
  private idsOf(names: readonly string[]): Uint32Array {
    const ids = new Uint32Array(names.length);
    for (let index = 0; index < names.length; index++) ids[index] = this.id(names[index] ?? "");
    return ids;
  }

  id(name: string): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(name, id);
    }
    return id;
  }

  push(client: number, hour: number, name: number, bytes: number): void {
    this.reserve(1);
    const row = this.rows++;
    this.client[row] = client;
    this.hour[row] = hour;
    this.name[row] = name;
    this.bytes[row] = bytes;
  }

  finish(): SectionColumns {
    const { rows } = this;
    return {
      names: [...this.ids.keys()],
      rows,
      client: this.client.subarray(0, rows),
      hour: this.hour.subarray(0, rows),
      name: this.name.subarray(0, rows),
      bytes: this.bytes.subarray(0, rows),
    };
  }

  private copy(section: HourSection, from: number, to: number, ids: Uint32Array): void {
    if (from === to) return;
    this.bytes.set(section.bytes.subarray(from, to), this.rows);
    translate(section.name, from, to, ids, this.name, this.rows);
    this.rows += to - from;
  }

  reserve(more: number): void {
    if (this.rows + more <= this.client.length) return;
    const size = Math.max(this.rows + more, this.client.length * 2);
    this.client = larger(this.client, new Uint32Array(size));
    this.hour = larger(this.hour, new Uint8Array(size));
    this.name = larger(this.name, new Uint32Array(size));
    this.bytes = larger(this.bytes, new Float64Array(size));
  }
}

// Functions of their own, with nothing else in them: they run half a million times in a process too short to be optimised.

function translate(
  from: Uint32Array,
  begin: number,
  end: number,
  ids: Uint32Array,
  into: Uint32Array,
  at: number,
): void {
  for (let row = begin; row < end; row++) into[at++] = ids[from[row] ?? 0] ?? 0;
}

/** Each wanted client as often as it has rows. */
function repeatClients(counts: Uint32Array, clients: Int32Array, into: Uint32Array, at: number): void {
  for (let index = 0; index < clients.length; index++) {
    const client = clients[index] ?? -1;
    if (client < 0) continue;
    for (let left = counts[index] ?? 0; left > 0; left--) into[at++] = client;
  }
}

function larger<T extends { set(from: ArrayLike<number>): void }>(from: ArrayLike<number>, into: T): T {
  into.set(from);
  return into;
}
