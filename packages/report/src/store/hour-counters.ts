/**
 * The counters of one hour in memory: bytes by client, and for each client by protocol, application and host name.
 * Pure. Invariants: `total` of a client is the sum of its protocols and of its applications; each number only grows; folding names
 * together keeps every sum, of bytes and of each direction.
 */

/** How many of some bytes went to the client and from it; the direction of the rest is not known. Never more than the bytes together. */
export interface KnownDirections {
  download: number;
  upload: number;
}

/** Numbers shared by their holders: the hot path keeps the cell and need not look up the name again. */
export interface Cell extends KnownDirections {
  bytes: number;
}
export type Sums = Map<string, Cell>;

export const sectionNames = ["protocol", "application", "host"] as const;
export type SectionName = (typeof sectionNames)[number];

export interface ClientHour extends Record<SectionName, Sums>, KnownDirections {
  total: number;
  /** Changed since the last dump. */
  dirty: boolean;
}

export interface HourCounters {
  readonly clients: Map<string, ClientHour>;
  /** Bytes reported in this hour that no client could be found for. */
  unattributed: number;
  /** Incremented when cells were replaced: a holder of a cell must look it up again. */
  generation: number;
}

/** Name of the entry for all names beyond the limit. */
export const otherName = "other";

export function emptyHour(): HourCounters {
  return { clients: new Map(), unattributed: 0, generation: 0 };
}

export function emptyClient(): ClientHour {
  return {
    total: 0,
    download: 0,
    upload: 0,
    protocol: new Map(),
    application: new Map(),
    host: new Map(),
    dirty: false,
  };
}

export function emptyCell(): Cell {
  return { bytes: 0, download: 0, upload: 0 };
}

/** Adds what `more` has. */
export function addCell(cell: Cell, more: Readonly<Cell>): void {
  cell.bytes += more.bytes;
  cell.download += more.download;
  cell.upload += more.upload;
}

export function clientOf(hour: HourCounters, client: string): ClientHour {
  let found = hour.clients.get(client);
  if (found === undefined) {
    found = emptyClient();
    hour.clients.set(client, found);
  }
  return found;
}

export function cellOf(sums: Sums, name: string): Cell {
  let cell = sums.get(name);
  if (cell === undefined) {
    cell = emptyCell();
    sums.set(name, cell);
  }
  return cell;
}

/** Keeps the `keep` largest names and folds the rest into {@link otherName}. The sum stays the same. */
export function foldSums(sums: Sums, keep: number): void {
  if (sums.size <= keep) return;
  const rest = emptyCell();
  const other = sums.get(otherName);
  if (other !== undefined) addCell(rest, other);
  sums.delete(otherName);
  const sorted = [...sums].sort((a, b) => b[1].bytes - a[1].bytes);
  for (const [name, cell] of sorted.slice(Math.max(0, keep - 1))) {
    addCell(rest, cell);
    sums.delete(name);
  }
  if (rest.bytes > 0) sums.set(otherName, rest);
}
