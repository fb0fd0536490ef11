/**
 * Returns lower-case strings of byte ranges, cached because most names in a stream repeat. Pure.
 * Bounded: a fixed number of places, a newer text replaces an older one; the source buffers are not kept.
 */
import { textHash } from "./flow-event.ts";

const places = 16_384;
/** Longer texts are not cached. */
const longest = 48;
const wordsEach = longest / 4;

export class TextCache {
  readonly #texts: (string | undefined)[] = Array.from({ length: places }, () => undefined);
  readonly #lengths = new Uint8Array(places);
  readonly #hashes = new Int32Array(places);
  readonly #words = new Int32Array(places * wordsEach);
  /** {@link textHash} of the text of the last call. */
  hash = 0;
  /** Which of the two places is replaced next. */
  #turn = 0;
  /** The text being searched for. */
  readonly #wanted = new Int32Array(wordsEach);

  /** The lower-case text of bytes `start..end` of `view`; ASCII only, not empty. */
  lower(view: DataView, start: number, end: number): string {
    const length = end - start;
    if (length > longest) {
      const text = make(view, start, length);
      this.hash = textHash(text);
      return text;
    }
    const wanted = this.#wanted;
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
    let place = (Math.imul(hash, 0x85ebca6b) >>> 7) & (places - 1);
    // Two places for each text: with one, colliding names would keep replacing each other.
    if (!this.#holds(place, length, count)) place ^= 1;
    if (!this.#holds(place, length, count)) {
      place ^= this.#turn;
      this.#turn ^= 1;
      this.#keep(place, view, start, length, count);
    }
    this.hash = this.#hashes[place] ?? 0;
    return this.#texts[place] ?? "";
  }

  #holds(place: number, length: number, count: number): boolean {
    if (this.#lengths[place] !== length) return false;
    const wanted = this.#wanted;
    const words = this.#words;
    const known = place * wordsEach;
    for (let index = 0; index < count; index++) if (words[known + index] !== wanted[index]) return false;
    return true;
  }

  #keep(place: number, view: DataView, start: number, length: number, count: number): void {
    const text = make(view, start, length);
    this.#lengths[place] = length;
    this.#words.set(this.#wanted.subarray(0, count), place * wordsEach);
    this.#texts[place] = text;
    this.#hashes[place] = textHash(text);
  }
}

const latin1 = new TextDecoder("latin1");

function make(view: DataView, start: number, length: number): string {
  return latin1.decode(new Uint8Array(view.buffer, view.byteOffset + start, length)).toLowerCase();
}
