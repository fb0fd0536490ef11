/**
 * The hours in memory: adds bytes to client, protocol, application and host, keeps their number bounded, and knows what changed since
 * the last dump. Pure. Invariants: every byte given to `add` or `addUnattributed` is in exactly one hour; folding names into
 * `other` and merging what is on disk keep all sums exact.
 */
import { isClientAddress } from "../store/client-address.ts";
import {
  addCell,
  cellOf,
  clientOf,
  emptyCell,
  emptyHour,
  foldSums,
  sectionNames,
  type Cell,
  type ClientHour,
  type HourCounters,
} from "../store/hour-counters.ts";
import type { HourKey } from "../store/hour-key.ts";
import { subnetFrom, Subnets } from "../store/subnets.ts";
import type { FlowIdentity, Place } from "./flow-event.ts";

/** Most names that a client may have in one section of an hour before the smallest are folded into `other`. */
const maxNames = 2048;
/** Most names of all clients in all hours in memory: about 45 MB in the worst case. */
const maxNamesInMemory = 250_000;
const maxClients = 16_384;

export interface OpenHour {
  readonly counters: HourCounters;
  /** Whether the counters include what the disk had of this hour. */
  merged: boolean;
  /** Whether anything changed since the hour's files were written. */
  dirty: boolean;
}

type Cells = Pick<Place, "protocol" | "application" | "host">;
/** Cells for addresses that are not clients; nothing is added to them. */
const noCells: Cells = { protocol: emptyCell(), application: emptyCell(), host: undefined };

export class Ledger {
  readonly hours = new Map<HourKey, OpenHour>();
  /** Bytes attributed to clients since the start. */
  attributed = 0;
  /** The part of `attributed` that is known to have gone to the clients, and from them. */
  download = 0;
  upload = 0;
  notAClient = 0;
  unknownFlow = 0;
  /** Bytes of clients for which the day had no room. */
  folded = 0;
  /** The LAN's public IPv6 prefixes; see {@link setLanPrefixes}. */
  #lan = new Subnets([]);
  #lanText = "";
  #countsLan = false;
  #names = 0;
  #bound = maxNamesInMemory;
  #lastKey: HourKey = -1;
  #last: OpenHour | undefined;

  /**
   * Addresses in these IPv6 prefixes ("2001:db8:0:1::/64") are clients too: public addresses of the LAN. Which they are is known of the machine's own
   * addresses only, and can change while flows go on.
   */
  setLanPrefixes(prefixes: readonly string[]): void {
    const text = prefixes.toSorted().join(" ");
    if (text === this.#lanText) return;
    this.#lanText = text;
    this.#lan = new Subnets(prefixes.map(subnetFrom).filter((one) => one !== undefined));
    this.#lookUpAgain();
  }

  /** Whether addresses in the LAN's prefixes are clients now. */
  set countsLanPrefixes(value: boolean) {
    if (value === this.#countsLan) return;
    this.#countsLan = value;
    this.#lookUpAgain();
  }

  /** Whether an address is a client may have changed. */
  #lookUpAgain(): void {
    for (const { counters } of this.hours.values()) counters.generation++;
  }

  #isClient(address: string): boolean {
    return isClientAddress(address) || (this.#countsLan && this.#lan.has(address));
  }

  hour(key: HourKey): OpenHour {
    if (key === this.#lastKey && this.#last !== undefined) return this.#last;
    let open = this.hours.get(key);
    if (open === undefined) {
      open = { counters: emptyHour(), merged: false, dirty: false };
      this.hours.set(key, open);
    }
    this.#lastKey = key;
    this.#last = open;
    return open;
  }

  /** `download` and `upload`: the bytes among `bytes` that went to the client and from it, as far as that is known. */
  add(key: HourKey, identity: FlowIdentity, bytes: number, download: number, upload: number): void {
    // Adding zero must not create an entry: names and clients without bytes would fill the files.
    if (bytes === 0) return;
    const open = this.hour(key);
    let place = identity.place;
    if (place === undefined || place.hour !== key || place.generation !== open.counters.generation) {
      place = this.#place(key, open, identity);
    }
    open.dirty = true;
    const { client, protocol, application, host } = place;
    if (client === undefined) {
      open.counters.unattributed += bytes;
      this.notAClient += bytes;
      return;
    }
    client.total += bytes;
    client.download += download;
    client.upload += upload;
    client.dirty = true;
    addTo(protocol, bytes, download, upload);
    addTo(application, bytes, download, upload);
    if (host !== undefined) addTo(host, bytes, download, upload);
    this.attributed += bytes;
    this.download += download;
    this.upload += upload;
  }

  addUnattributed(key: HourKey, bytes: number): void {
    if (bytes === 0) return;
    const open = this.hour(key);
    open.counters.unattributed += bytes;
    open.dirty = true;
    this.unknownFlow += bytes;
  }

  /** Adds bytes of an address that is known not to be a client. */
  addNotAClient(key: HourKey, bytes: number): void {
    if (bytes === 0) return;
    const open = this.hour(key);
    open.counters.unattributed += bytes;
    open.dirty = true;
    this.notAClient += bytes;
  }

  /** Adds the counters that the disk had of an hour before this process opened it. */
  merge(key: HourKey, found: HourCounters): void {
    const open = this.hour(key);
    open.merged = true;
    open.counters.unattributed += found.unattributed;
    for (const [address, had] of found.clients) {
      const client = clientOf(open.counters, address);
      client.total += had.total;
      client.download += had.download;
      client.upload += had.upload;
      for (const section of sectionNames) {
        for (const [name, cell] of had[section]) addCell(this.#cell(client, section, name), cell);
      }
    }
    this.#fold();
  }

  /** Removes a client from an hour; its bytes become unattributed. */
  foldClient(key: HourKey, address: string): void {
    const open = this.hours.get(key);
    const client = open?.counters.clients.get(address);
    if (open === undefined || client === undefined) return;
    open.counters.clients.delete(address);
    open.counters.unattributed += client.total;
    open.counters.generation++;
    open.dirty = true;
    this.folded += client.total;
    for (const section of sectionNames) this.#names -= client[section].size;
  }

  /** Drops an hour from memory that is on disk. */
  close(key: HourKey): void {
    const open = this.hours.get(key);
    if (open === undefined) return;
    this.hours.delete(key);
    open.counters.generation++;
    this.#lastKey = -1;
    this.#last = undefined;
    this.#names = this.#countNames();
  }

  /** Drops a stale {@link Place}: it would keep a client's counters of a finished hour in memory. */
  forget(identity: FlowIdentity): void {
    const { place } = identity;
    if (place !== undefined && this.hours.get(place.hour)?.counters.generation !== place.generation)
      identity.place = undefined;
  }

  #place(key: HourKey, open: OpenHour, identity: FlowIdentity): Place {
    const { counters } = open;
    const room = counters.clients.size < maxClients || counters.clients.has(identity.client);
    const client = room && this.#isClient(identity.client) ? clientOf(counters, identity.client) : undefined;
    let cells = client === undefined ? noCells : this.#cells(client, identity);
    if (
      client !== undefined &&
      (client.protocol.size > maxNames ||
        client.application.size > maxNames ||
        client.host.size > maxNames ||
        this.#names > this.#bound)
    ) {
      // Fold, then look the cells up: folding may remove the new, still empty cells, and bytes added to removed cells would be lost.
      this.#fold();
      cells = this.#cells(client, identity);
    }
    const { protocol, application, host } = cells;
    identity.place = { hour: key, generation: counters.generation, client, protocol, application, host };
    return identity.place;
  }

  #cells(client: ClientHour, { protocol, application, host }: FlowIdentity): Cells {
    return {
      protocol: this.#cell(client, "protocol", protocol),
      application: this.#cell(client, "application", application),
      host: host === undefined ? undefined : this.#cell(client, "host", host),
    };
  }

  #cell(client: ClientHour, section: (typeof sectionNames)[number], name: string): Cell {
    const sums = client[section];
    const before = sums.size;
    const cell = cellOf(sums, name);
    this.#names += sums.size - before;
    return cell;
  }

  /** Brings every list under its limit; when all lists together are still too long, lowers the limit step by step. */
  #fold(): void {
    let keep = maxNames / 2;
    this.#foldTo(maxNames, keep);
    while (this.#names > maxNamesInMemory && keep > 1) {
      keep = Math.floor(keep / 2);
      this.#foldTo(keep, keep);
    }
    // When even one name per list is too many (a full disk for days), postpone the next attempt until the names grew by a quarter.
    this.#bound = Math.max(maxNamesInMemory, Math.ceil(this.#names * 1.25));
  }

  #foldTo(limit: number, keep: number): void {
    for (const open of this.hours.values()) {
      for (const client of open.counters.clients.values()) {
        for (const section of sectionNames) {
          if (client[section].size <= limit) continue;
          foldSums(client[section], keep);
          client.dirty = true;
          open.dirty = true;
          open.counters.generation++;
        }
      }
    }
    this.#names = this.#countNames();
  }

  #countNames(): number {
    let names = 0;
    for (const open of this.hours.values()) {
      for (const client of open.counters.clients.values())
        for (const section of sectionNames) names += client[section].size;
    }
    return names;
  }
}

function addTo(cell: Cell, bytes: number, download: number, upload: number): void {
  cell.bytes += bytes;
  cell.download += download;
  cell.upload += upload;
}
