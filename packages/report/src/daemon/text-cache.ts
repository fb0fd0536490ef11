/**
 * Lower-case strings of byte ranges seen before, without making them again: most names in a stream repeat. Pure.
 * Bounded: a fixed number of places, the newer text replaces the older one; no source is kept.
 */
import { textHash } from "./flow-event.ts";

const places = 8192;
/** Longer texts are made each time. Agents cut host names at 79 characters. */
const longest = 80;
const wordsEach = longest / 4;

export class TextCache {
  private readonly texts: (string | undefined)[] = Array.from({ length: places }, () => undefined);
  private readonly lengths = new Uint8Array(places);
  private readonly hashes = new Int32Array(places);
  private readonly words = new Int32Array(places * wordsEach);
  /** {@link textHash} of the text that was asked for last. */
  hash = 0;
  /** The text being looked for. */
  private readonly wanted = new Int32Array(wordsEach);

  /** `source[start..end)`, of `view`'s bytes, ASCII only and not empty, in lower case. */
  lower(view: DataView, start: number, end: number): string {
    const length = end - start;
    if (length > longest) {
      const text = make(view, start, length);
      this.hash = textHash(text);
      return text;
    }
    const { wanted, words } = this;
    let count = 0;
    let hash = length;
    if (length < 4) {
      for (let at = start; at < end; at++) hash = (hash << 8) | view.getUint8(at);
      wanted[count++] = hash;
    } else {
      for (let at = start; at < end; at += 4) {
        const word = view.getInt32(Math.min(at, end - 4), true);
        hash = Math.imul(hash ^ word, 0x9e3779b1);
        hash ^= hash >>> 15;
        wanted[count++] = word;
      }
    }
    const place = (Math.imul(hash, 0x85ebca6b) >>> 7) & (places - 1);
    const known = place * wordsEach;
    let same = this.lengths[place] === length;
    for (let index = 0; same && index < count; index++) same = words[known + index] === wanted[index];
    if (same) {
      this.hash = this.hashes[place] ?? 0;
      return this.texts[place] ?? "";
    }
    const text = make(view, start, length);
    this.lengths[place] = length;
    words.set(wanted.subarray(0, count), known);
    this.texts[place] = text;
    this.hash = textHash(text);
    this.hashes[place] = this.hash;
    return text;
  }
}

const latin1 = new TextDecoder("latin1");

function make(view: DataView, start: number, length: number): string {
  return latin1.decode(new Uint8Array(view.buffer, view.byteOffset + start, length)).toLowerCase();
}
