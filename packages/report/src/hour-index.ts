/**
 * `.HH.index`, beside the client folders of a day: all hour files of one hour in one small binary file, so that a question about a day
 * opens 24 files and not 24,000. It repeats what the hour files say and may be deleted at any time.
 * Invariant: a client folder that has not changed since the newest `asOf` of its day is told completely by the indexes of the day.
 *
 * Layout, in the machine's own byte order, as columns that are used where they lie (half a million cells are not worth decoding one by one in a
 * process that lives for 50 ms): magic, hours, asOf, the counts of clients and of each section's rows, the length of the names; totals and each
 * section's bytes (doubles); rows by client and names by row (words); the names as JSON; a CRC-32 of all of it at the end.
 */
import { crc32 } from "@nethsec/host/digests";
import { cellOf, clientOf, emptyHour, sectionNames, type HourCounters, type SectionName } from "./hour-counters.ts";

/** "NSI2"; files of another version or byte order are no index, and are made anew. */
const magic = 0x3249_534e;
const headerBytes = 40;

export interface IndexHeader {
  /** Wall clock, milliseconds since 1970: the index tells all that was in the hour files then. */
  readonly asOf: number;
  /** Bit h is set when the day had any file of hour h at `asOf`. */
  readonly hours: number;
}

/** What an index tells. */
export interface HourColumns {
  readonly clients: readonly string[];
  /** Bytes by client. */
  readonly totals: Float64Array;
  readonly sections: Readonly<Record<SectionName, HourSection>>;
}

/** Rows in the order of the clients: the first `counts[0]` rows are the first client's. */
export interface HourSection {
  readonly names: readonly string[];
  readonly counts: Uint32Array;
  /** Index into `names`, by row. */
  readonly name: Uint32Array;
  readonly bytes: Float64Array;
}

export function encodeHour(hour: HourCounters, header: IndexHeader): Uint8Array {
  const clients = [...hour.clients.values()];
  const sections = sectionNames.map((section) => sectionOf(clients.map((client) => client[section])));
  const lists = [[...hour.clients.keys()], ...sections.map((section) => section.names)];
  const names = new TextEncoder().encode(JSON.stringify(lists));
  const [protocol, application, host] = sections.map((section) => section.bytes.length);
  const doubles = [Float64Array.from(clients, (client) => client.total), ...sections.map((section) => section.bytes)];
  const words = sections.flatMap((section) => [section.counts, section.name]);
  const size = headerBytes + [...doubles, ...words, names].reduce((sum, part) => sum + part.byteLength, 0) + 4;
  const out = new Uint8Array(size);
  new Uint32Array(out.buffer, 0, 2).set([magic, header.hours]);
  new Float64Array(out.buffer, 8, 1).set([header.asOf]);
  new Uint32Array(out.buffer, 16, 5).set([clients.length, protocol ?? 0, application ?? 0, host ?? 0, names.length]);
  let at = headerBytes;
  for (const part of [...doubles, ...words, names]) {
    out.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  new DataView(out.buffer).setUint32(at, crc32(out.subarray(0, at)), true);
  return out;
}

/** Puts the names of several clients into columns. */
function sectionOf(clients: readonly ReadonlyMap<string, { readonly bytes: number }>[]): HourSection {
  const rows = clients.reduce((sum, client) => sum + client.size, 0);
  const ids = new Map<string, number>();
  const name = new Uint32Array(rows);
  const bytes = new Float64Array(rows);
  let row = 0;
  for (const client of clients) {
    for (const [text, cell] of client) {
      let id = ids.get(text);
      if (id === undefined) ids.set(text, (id = ids.size));
      name[row] = id;
      bytes[row++] = cell.bytes;
    }
  }
  return { names: [...ids.keys()], counts: Uint32Array.from(clients, (client) => client.size), name, bytes };
}

/** Checks the whole of it first: undefined when the bytes are no index, or not all of one. */
export function indexHeader(bytes: Uint8Array): IndexHeader | undefined {
  const end = bytes.length - 4;
  if (end < headerBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) return undefined;
  const start = new Uint8Array(bytes.subarray(0, headerBytes)); // Not slice: of a Buffer that is a view.
  const [found, hours] = new Uint32Array(start.buffer, 0, 2);
  const [asOf] = new Float64Array(start.buffer, 8, 1);
  return found !== magic || hours === undefined || asOf === undefined ? undefined : { asOf, hours };
}

/** Of bytes that {@link indexHeader} accepted. The columns are views into `bytes` where its alignment allows it. */
export function decodeHour(bytes: Uint8Array): HourColumns | undefined {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const view = new DataView(aligned.buffer, aligned.byteOffset, aligned.byteLength);
  const [count = 0, protocol = 0, application = 0, host = 0, nameBytes = 0] = new Uint32Array(
    aligned.buffer,
    aligned.byteOffset + 16,
    5,
  );
  const rows = [protocol, application, host];
  const expected = headerBytes + 8 * count + rows.reduce((sum, some) => sum + 12 * some + 4 * count, 0) + nameBytes + 4;
  if (expected !== view.byteLength) return undefined;
  let at = aligned.byteOffset + headerBytes;
  const doubles = (length: number): Float64Array =>
    new Float64Array(aligned.buffer, (at += 8 * length) - 8 * length, length);
  const words = (length: number): Uint32Array =>
    new Uint32Array(aligned.buffer, (at += 4 * length) - 4 * length, length);
  const totals = doubles(count);
  const sums = rows.map(doubles);
  const columns = rows.map((length) => ({ counts: words(count), name: words(length) }));
  const lists = namesOf(new Uint8Array(aligned.buffer, at, nameBytes));
  const section = (index: number): HourSection => ({
    names: lists?.[index + 1] ?? [],
    counts: columns[index]?.counts ?? new Uint32Array(),
    name: columns[index]?.name ?? new Uint32Array(),
    bytes: sums[index] ?? new Float64Array(),
  });
  const clients = lists?.[0];
  if (clients?.length !== count) return undefined;
  return { clients, totals, sections: { protocol: section(0), application: section(1), host: section(2) } };
}

function namesOf(bytes: Uint8Array): readonly (readonly string[])[] | undefined {
  const lists: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const isNames = (list: unknown): list is string[] =>
    Array.isArray(list) && list.every((name) => typeof name === "string");
  return Array.isArray(lists) && lists.length === 4 && lists.every(isNames) ? lists : undefined;
}

/** The counters themselves; undefined when the bytes are no index. */
export function decodeCounters(bytes: Uint8Array): HourCounters | undefined {
  const columns = indexHeader(bytes) === undefined ? undefined : decodeHour(bytes);
  if (columns === undefined) return undefined;
  const hour = emptyHour();
  for (const [index, address] of columns.clients.entries()) clientOf(hour, address).total = columns.totals[index] ?? 0;
  for (const section of sectionNames) {
    const { names, counts, name, bytes: sums } = columns.sections[section];
    let row = 0;
    for (const [index, address] of columns.clients.entries()) {
      const end = row + (counts[index] ?? 0);
      const cells = clientOf(hour, address)[section];
      for (; row < end; row++) cellOf(cells, names[name[row] ?? 0] ?? "").bytes = sums[row] ?? 0;
    }
  }
  return hour;
}
