/**
 * Files of columns: doubles, words and texts, in the machine's own byte order, used where they lie. Pure.
 * Layout: magic; the number of columns of each kind and their lengths, as 32-bit words; doubles; words; texts (their places are among the words);
 * CRC-32 of it all.
 */
import { crc32 } from "@nethsec/host/files/digests";
import { TextColumn } from "./text-column.ts";

export interface Columns {
  readonly doubles: readonly Float64Array[];
  readonly words: readonly Uint32Array[];
  readonly texts: readonly TextColumn[];
}

const fixedWords = 4;

export function encodeColumns(magic: number, columns: Columns): Uint8Array<ArrayBuffer> {
  const { doubles, texts } = columns;
  const words = [...columns.words, ...texts.map(({ offsets }) => offsets)];
  const blobs = texts.map(({ bytes }) => bytes);
  const lengths = [...doubles, ...words, ...blobs].map(({ length }) => length);
  const head = [magic, doubles.length, words.length, blobs.length, ...lengths];
  if (head.length % 2 === 1) head.push(0);
  const parts = [Uint32Array.from(head), ...doubles, ...words, ...blobs];
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0) + 4);
  let at = 0;
  for (const part of parts) {
    out.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  new DataView(out.buffer).setUint32(at, crc32(out.subarray(0, at)), true);
  return out;
}

/** Whether the checksum at the end is that of the content. */
export function isIntact(file: Uint8Array): boolean {
  const end = file.length - 4;
  if (end < 0) return false;
  return new DataView(file.buffer, file.byteOffset).getUint32(end, true) === crc32(file.subarray(0, end));
}

/**
 * undefined when the bytes are not of this magic and length; their content is checked by {@link isIntact}. The columns are views into `bytes` where
 * the alignment allows it.
 */
export function decodeColumns(magic: number, bytes: Uint8Array): Columns | undefined {
  const file = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = file;
  const end = file.length - 4;
  if (end < 4 * fixedWords) return undefined;
  const [found, doubleCount = 0, wordCount = 0, textCount = 0] = new Uint32Array(buffer, byteOffset, fixedWords);
  const lengthCount = doubleCount + wordCount + textCount;
  const start = 4 * (fixedWords + lengthCount + ((fixedWords + lengthCount) % 2));
  if (found !== magic || start > end) return undefined;
  const lengths = [...new Uint32Array(buffer, byteOffset + 4 * fixedWords, lengthCount)];
  const sizes = lengths.map(
    (length, index) => (index < doubleCount ? 8 : index < doubleCount + wordCount ? 4 : 1) * length,
  );
  if (start + sizes.reduce((sum, size) => sum + size, 0) !== end) return undefined;
  let at = byteOffset + start;
  const take = (count: number, bytesEach: number): { readonly at: number; readonly length: number }[] =>
    lengths.splice(0, count).map((length) => ({ at: (at += bytesEach * length) - bytesEach * length, length }));
  const doubles = take(doubleCount, 8).map((place) => new Float64Array(buffer, place.at, place.length));
  const words = take(wordCount, 4).map((place) => new Uint32Array(buffer, place.at, place.length));
  const offsets = words.splice(wordCount - textCount);
  const texts = take(textCount, 1).map(
    (place, index) =>
      new TextColumn(offsets[index] ?? new Uint32Array(), new Uint8Array(buffer, place.at, place.length)),
  );
  return { doubles, words, texts };
}
