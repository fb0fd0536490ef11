/** Builds the `DayCounters` of one day from its hours. Pure. */
import type { DayCounters, SectionColumns, SectionPart } from "./day-counters.ts";
import { downloadOf, uploadOf } from "./directions.ts";
import { clientKey } from "./client-key.ts";
import { nobodyKnown, type OwnerOf } from "./device-log.ts";
import { sectionNames } from "./hour-counters.ts";
import type { HourColumns, HourSection } from "./hour-index.ts";
import type { Day } from "./hour-key.ts";

export interface DayBuilder {
  /** Sets the addresses in their final order; called once, before the first hour. */
  clients(addresses: readonly string[]): void;
  /** Adds an hour's columns from one source; `wanted` selects the clients to take from it. The columns are kept, not copied. */
  hour(hour: number, columns: HourColumns, wanted?: (client: string) => boolean): void;
  unattributed(hours: Float64Array): void;
  finish(): DayCounters;
}

/** `owner`: who had which address that day; an address of several devices becomes several clients. */
export function dayBuilder(day: Day, owner: OwnerOf = nobodyKnown): DayBuilder {
  const sections = { protocol: new Section(), application: new Section(), host: new Section() };
  const indexes = new Map<string, number>();
  let clients: readonly string[] = [];
  let [totals, download, upload] = [new Float64Array(0), new Float64Array(0), new Float64Array(0)];
  let unattributed = new Float64Array(24);
  return {
    clients(addresses) {
      clients = owner === nobodyKnown ? addresses : addresses.flatMap((address) => keysOf(address, owner));
      [totals, download, upload] = [newTotals(clients), newTotals(clients), newTotals(clients)];
      for (const [index, key] of clients.entries()) indexes.set(key, index);
    },
    hour(hour, columns, wanted = () => true) {
      const own = new Int32Array(columns.clients.length).fill(-1);
      for (let at = 0; at < own.length; at++) {
        const address = columns.clients[at] ?? "";
        const client = wanted(address) ? indexes.get(clientKey(address, owner(address, hour))) : undefined;
        if (client === undefined) continue;
        own[at] = client;
        const bytes = columns.totals[at] ?? 0;
        totals[client * 24 + hour] = bytes;
        download[client * 24 + hour] = downloadOf(columns.directions, at, bytes);
        upload[client * 24 + hour] = uploadOf(columns.directions, at);
      }
      for (const name of sectionNames) sections[name].add(hour, own, columns.sections[name]);
    },
    unattributed(hours) {
      unattributed = new Float64Array(hours);
    },
    finish: () => ({
      day,
      clients,
      totals,
      download,
      upload,
      unattributed,
      sections: {
        protocol: sections.protocol.columns(),
        application: sections.application.columns(),
        host: sections.host.columns(),
      },
    }),
  };
}

/** An address with each device that had it that day. */
function keysOf(address: string, owner: OwnerOf): string[] {
  const keys = new Set<string>();
  for (let hour = 0; hour < 24; hour++) keys.add(clientKey(address, owner(address, hour)));
  return [...keys];
}

function newTotals({ length }: readonly string[]): Float64Array<ArrayBuffer> {
  return new Float64Array(length * 24);
}

/** Numbers names in the order of their first appearance. */
class Section {
  readonly #ids = new Map<string, number>();
  readonly #parts: SectionPart[] = [];

  add(hour: number, clients: Int32Array, { counts, name, names, bytes, directions }: HourSection): void {
    this.#parts.push({ hour, clients, counts, name, names: this.#idsOf(names), bytes, directions });
  }

  columns(): SectionColumns {
    return { names: [...this.#ids.keys()], parts: this.#parts };
  }

  // A plain loop: TypedArray.from with a function takes four times as long.
  #idsOf(names: readonly string[]): Uint32Array {
    const ids = new Uint32Array(names.length);
    for (let index = 0; index < names.length; index++) {
      const name = names[index] ?? "";
      let id = this.#ids.get(name);
      if (id === undefined) this.#ids.set(name, (id = this.#ids.size));
      ids[index] = id;
    }
    return ids;
  }
}
