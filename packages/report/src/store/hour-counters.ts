/**
 * The counters of one hour in memory: bytes by client, and for each client by protocol, application and host name.
 * Pure. Invariants: `total` of a client is the sum of its protocols and of its applications; each number only grows; folding names
 * together keeps every sum.
 */

/** A number shared by its holders: the hot path keeps the cell and need not look up the name again. */
export interface Cell {
  bytes: number;
}
export type Sums = Map<string, Cell>;

export const sectionNames = ["protocol", "application", "host"] as const;
export type SectionName = (typeof sectionNames)[number];

export interface ClientHour extends Record<SectionName, Sums> {
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
  return { total: 0, protocol: new Map(), application: new Map(), host: new Map(), dirty: false };
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
    cell = { bytes: 0 };
    sums.set(name, cell);
  }
  return cell;
}

/** Keeps the `keep` largest names and folds the rest into {@link otherName}. The sum stays the same. */
export function foldSums(sums: Sums, keep: number): void {
  if (sums.size <= keep) return;
  const other = sums.get(otherName)?.bytes ?? 0;
  sums.delete(otherName);
  const sorted = [...sums].sort((a, b) => b[1].bytes - a[1].bytes);
  let rest = other;
  for (const [name, cell] of sorted.slice(Math.max(0, keep - 1))) {
    rest += cell.bytes;
    sums.delete(name);
  }
  if (rest > 0) sums.set(otherName, { bytes: rest });
}
