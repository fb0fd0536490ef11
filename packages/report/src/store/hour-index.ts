/**
 * `.HH.index`, beside the client folders of a day: all hour files of one hour in one small binary file, so that a query about a day opens 24 files
 * instead of 24,000. It is a copy of the hour files' content and may be deleted at any time.
 * Invariant: a client folder that has not changed since the newest `asOf` of its day is completely contained in the day's indexes.
 *
 * Layout, in the machine's own byte order, as columns that are used where they lie (a million cells are not worth decoding one by one in a
 * process that lives for 50 ms): magic, hours, asOf; the counts of clients, of each section's rows and of its names; the length of the
 * texts; the lengths of the directions' columns; totals and each section's bytes (doubles), directions that are doubles; rows by client and names by row
 * (words), directions that are words; the texts (clients, then each section's names), each as JSON without its quotes and on a line of its own, which is
 * cut three times as fast as JSON; a CRC-32 of it all. "NSI3" (before directions were kept) has no directions and not their lengths, and is still read.
 */
import { crc32 } from "@nethsec/host/files/digests";
import {
  DirectionsBuilder,
  downloadOf,
  joinDirections,
  splitDirections,
  uploadOf,
  type Directions,
} from "./directions.ts";
import {
  cellOf,
  clientOf,
  emptyHour,
  sectionNames,
  type Cell,
  type HourCounters,
  type SectionName,
} from "./hour-counters.ts";

/** "NSI4"; a file of another version or byte order is not an index, and is rebuilt. */
const magic = 0x3449_534e;
/** "NSI3". */
const magicWithoutDirections = 0x3349_534e;
const countsAt = 16;
/** The header's counts: clients, rows of three sections, names of three sections, bytes of the texts. */
const countWords = 8;
const oldHeaderBytes = countsAt + 4 * countWords;
/** The lengths of the directions' columns, see {@link splitDirections}: of the totals and of three sections, as doubles and as words. */
const lengthWords = 16;
const headerBytes = oldHeaderBytes + 4 * lengthWords;

export interface IndexHeader {
  /** Wall clock, milliseconds since 1970: the index contains everything that was in the hour files then. */
  readonly asOf: number;
  /** Bit h is set when the day had any file of hour h at `asOf`. */
  readonly hours: number;
}

/** The counters of one hour as columns. */
export interface HourColumns {
  readonly clients: readonly string[];
  /** Bytes by client. */
  readonly totals: Float64Array;
  /** Of the totals. undefined: not known. */
  readonly directions: Directions | undefined;
  readonly sections: Readonly<Record<SectionName, HourSection>>;
}

/** Rows in the order of the clients: the first `counts[0]` rows belong to the first client. */
export interface HourSection {
  readonly names: readonly string[];
  readonly counts: Uint32Array;
  /** By row: index into `names`. */
  readonly name: Uint32Array;
  readonly bytes: Float64Array;
  /** By row. undefined: not known. */
  readonly directions: Directions | undefined;
}

export function columnsOf(hour: HourCounters): HourColumns {
  const clients = [...hour.clients.values()];
  const section = (name: SectionName): HourSection => sectionOf(clients.map((client) => client[name]));
  const directions = new DirectionsBuilder(clients.length);
  for (const [at, { total, download, upload }] of clients.entries()) directions.add(at, total, download, upload);
  return {
    clients: [...hour.clients.keys()],
    totals: Float64Array.from(clients, (client) => client.total),
    directions: directions.finish(),
    sections: { protocol: section("protocol"), application: section("application"), host: section("host") },
  };
}

/** Converts the names of several clients into columns. */
function sectionOf(clients: readonly ReadonlyMap<string, Readonly<Cell>>[]): HourSection {
  const rows = clients.reduce((sum, client) => sum + client.size, 0);
  const ids = new Map<string, number>();
  const name = new Uint32Array(rows);
  const bytes = new Float64Array(rows);
  const directions = new DirectionsBuilder(rows);
  let row = 0;
  for (const client of clients) {
    for (const [text, cell] of client) {
      let id = ids.get(text);
      if (id === undefined) ids.set(text, (id = ids.size));
      name[row] = id;
      directions.add(row, cell.bytes, cell.download, cell.upload);
      bytes[row++] = cell.bytes;
    }
  }
  return {
    names: [...ids.keys()],
    counts: Uint32Array.from(clients, (client) => client.size),
    name,
    bytes,
    directions: directions.finish(),
  };
}

export function encodeHour(hour: HourCounters, header: IndexHeader): Uint8Array {
  const columns = columnsOf(hour);
  const sections = sectionNames.map((name) => columns.sections[name]);
  const texts = encodeTexts([columns.clients, ...sections.map((section) => section.names)].flat());
  const counts = [
    columns.clients.length,
    ...sections.map((section) => section.bytes.length),
    ...sections.map((section) => section.names.length),
    texts.length,
  ];
  const directions = splitDirections([columns, ...sections].map((one) => one.directions));
  const parts = [
    columns.totals,
    ...sections.map((section) => section.bytes),
    ...directions.doubles,
    ...sections.flatMap((section) => [section.counts, section.name]),
    ...directions.words,
    texts,
  ];
  const out = new Uint8Array(headerBytes + parts.reduce((sum, part) => sum + part.byteLength, 0) + 4);
  new Uint32Array(out.buffer, 0, 2).set([magic, header.hours]);
  new Float64Array(out.buffer, 8, 1).set([header.asOf]);
  new Uint32Array(out.buffer, countsAt, countWords).set(counts);
  const lengths = [...directions.doubles, ...directions.words].map(({ length }) => length);
  new Uint32Array(out.buffer, oldHeaderBytes, lengthWords).set(lengths);
  let at = headerBytes;
  for (const part of parts) {
    out.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  new DataView(out.buffer).setUint32(at, crc32(out.subarray(0, at)), true);
  return out;
}

/** Header of an index, after checking the whole file: undefined when the bytes are not a complete index. */
export function indexHeader(bytes: Uint8Array): IndexHeader | undefined {
  const end = bytes.length - 4;
  if (end < oldHeaderBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(end, true) !== crc32(bytes.subarray(0, end))) return undefined;
  const start = new Uint8Array(bytes.subarray(0, oldHeaderBytes)); // Not slice(): on a Buffer it returns a view.
  const [found, hours] = new Uint32Array(start.buffer, 0, 2);
  const [asOf] = new Float64Array(start.buffer, 8, 1);
  if (hours === undefined || asOf === undefined) return undefined;
  return found === magicWithoutDirections || (found === magic && end >= headerBytes) ? { asOf, hours } : undefined;
}

/** Decodes bytes that {@link indexHeader} accepted. The columns are views into `bytes` where the alignment allows it. */
export function decodeHour(bytes: Uint8Array): HourColumns | undefined {
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = aligned;
  const [clientCount = 0, ...counts] = new Uint32Array(buffer, byteOffset + countsAt, countWords);
  const [rows, names, textBytes = 0] = [counts.slice(0, 3), counts.slice(3, 6), counts[6]];
  const [found] = new Uint32Array(buffer, byteOffset, 1);
  const start = found === magic ? headerBytes : oldHeaderBytes;
  const lengths = [...new Uint32Array(buffer, byteOffset + oldHeaderBytes, found === magic ? lengthWords : 0)];
  const [doubleLengths, wordLengths] = [lengths.slice(0, lengthWords / 2), lengths.slice(lengthWords / 2)];
  const columnBytes =
    8 * (clientCount + sumOf(doubleLengths)) +
    4 * sumOf(wordLengths) +
    rows.reduce((sum, some) => sum + 12 * some + 4 * clientCount, 0);
  if (start + columnBytes + textBytes + 4 !== aligned.byteLength) return undefined;
  let at = byteOffset + start;
  const doubles = (length: number): Float64Array => new Float64Array(buffer, (at += 8 * length) - 8 * length, length);
  const words = (length: number): Uint32Array => new Uint32Array(buffer, (at += 4 * length) - 4 * length, length);
  const totals = doubles(clientCount);
  const sums = rows.map(doubles);
  const directionDoubles = doubleLengths.map(doubles);
  const columns = rows.map((length) => ({ counts: words(clientCount), name: words(length) }));
  const [ofTotals, ...ofSections] = joinDirections(directionDoubles, wordLengths.map(words));
  const texts = decodeTexts(new Uint8Array(buffer, at, textBytes));
  const lists = [clientCount, ...names].map((length) => texts.splice(0, length));
  if (texts.length > 0 || lists.at(-1)?.length !== names.at(-1)) return undefined;
  const section = (index: number): HourSection => ({
    names: lists[index + 1] ?? [],
    counts: columns[index]?.counts ?? new Uint32Array(),
    name: columns[index]?.name ?? new Uint32Array(),
    bytes: sums[index] ?? new Float64Array(),
    directions: ofSections[index],
  });
  return {
    clients: lists[0] ?? [],
    totals,
    directions: ofTotals,
    sections: { protocol: section(0), application: section(1), host: section(2) },
  };
}

function sumOf(lengths: readonly number[]): number {
  return lengths.reduce((sum, length) => sum + length, 0);
}

function encodeTexts(texts: readonly string[]): Uint8Array {
  return new TextEncoder().encode(texts.map((text) => `${JSON.stringify(text).slice(1, -1)}\n`).join(""));
}

function decodeTexts(bytes: Uint8Array): string[] {
  const all = new TextDecoder().decode(bytes);
  const texts = all.split("\n");
  texts.pop();
  if (!all.includes("\\")) return texts;
  return texts.map((text) => (text.includes("\\") ? String(JSON.parse(`"${text}"`)) : text));
}

/** The index as counters; undefined when the bytes are not an index. */
export function decodeCounters(bytes: Uint8Array): HourCounters | undefined {
  const columns = indexHeader(bytes) === undefined ? undefined : decodeHour(bytes);
  return columns === undefined ? undefined : countersOf(columns);
}

function countersOf(columns: HourColumns): HourCounters {
  const hour = emptyHour();
  for (const [index, address] of columns.clients.entries()) {
    const client = clientOf(hour, address);
    client.total = columns.totals[index] ?? 0;
    client.download = downloadOf(columns.directions, index, client.total);
    client.upload = uploadOf(columns.directions, index);
  }
  for (const section of sectionNames) {
    const { names, counts, name, bytes: sums, directions } = columns.sections[section];
    let row = 0;
    for (const [index, address] of columns.clients.entries()) {
      const end = row + (counts[index] ?? 0);
      const cells = clientOf(hour, address)[section];
      for (; row < end; row++) {
        const cell = cellOf(cells, names[name[row] ?? 0] ?? "");
        cell.bytes = sums[row] ?? 0;
        cell.download = downloadOf(directions, row, cell.bytes);
        cell.upload = uploadOf(directions, row);
      }
    }
  }
  return hour;
}
