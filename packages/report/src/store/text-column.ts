/**
 * A list of texts of which few are needed: kept as UTF-8 with the place of each, and decoded one by one, so that a question about one client does not
 * decode a year's host names. Pure.
 */

export class TextColumn {
  /** Where each text begins in `bytes`, and where the last one ends. */
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
  #all: readonly string[] | undefined;

  constructor(offsets: Uint32Array, bytes: Uint8Array) {
    this.offsets = offsets;
    this.bytes = bytes;
  }

  static of(texts: readonly string[]): TextColumn {
    const encoder = new TextEncoder();
    const parts = texts.map((text) => encoder.encode(text));
    const offsets = new Uint32Array(texts.length + 1);
    for (const [index, part] of parts.entries()) offsets[index + 1] = (offsets[index] ?? 0) + part.length;
    const bytes = new Uint8Array(offsets.at(-1) ?? 0);
    for (const [index, part] of parts.entries()) bytes.set(part, offsets[index]);
    const column = new TextColumn(offsets, bytes);
    column.#all = texts;
    return column;
  }

  get length(): number {
    return Math.max(0, this.offsets.length - 1);
  }

  at(index: number): string {
    if (this.#all !== undefined) return this.#all[index] ?? "";
    return new TextDecoder().decode(this.bytes.subarray(this.offsets[index], this.offsets[index + 1]));
  }

  /** All of them, decoded once. */
  all(): readonly string[] {
    this.#all ??= this.#decoded();
    return this.#all;
  }

  /** -1: not in the list. */
  indexOf(text: string): number {
    for (const [index, isWhole] of this.#places(text)) if (isWhole) return index;
    return -1;
  }

  /** By text: 1 when it contains `part`. */
  containing(part: string): Uint8Array {
    const found = new Uint8Array(this.length);
    for (const [index] of this.#places(part)) found[index] = 1;
    return found;
  }

  /** The texts that contain `part`, in order, and whether it is the whole text. */
  *#places(part: string): Generator<readonly [index: number, isWhole: boolean]> {
    const wanted = new TextEncoder().encode(part);
    const all = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    let at = all.indexOf(wanted);
    while (at >= 0 && wanted.length > 0) {
      const index = this.#textAt(at);
      const end = this.offsets[index + 1] ?? 0;
      const isInside = at + wanted.length <= end;
      if (isInside) yield [index, at === this.offsets[index] && at + wanted.length === end];
      at = all.indexOf(wanted, at + 1);
    }
  }

  /** The text that the byte `at` belongs to. */
  #textAt(at: number): number {
    let low = 0;
    let high = this.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.offsets[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #decoded(): string[] {
    const decoder = new TextDecoder();
    const { bytes, offsets } = this;
    const text = decoder.decode(bytes);
    // Where every character is one byte, the places are the same in text and bytes.
    if (text.length === bytes.length)
      return Array.from({ length: this.length }, (_, index) => text.slice(offsets[index], offsets[index + 1]));
    return Array.from({ length: this.length }, (_, index) =>
      decoder.decode(bytes.subarray(offsets[index], offsets[index + 1])),
    );
  }
}
