/** Compact binary files: numbers of any size and lists of names, appended to one growing buffer and read back in order. Pure. */

export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;

  /** `capacity`: bytes expected; it grows by itself, at the price of copies. */
  constructor(capacity = 4096) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A whole number from 0 to 2^53-1, seven bits a byte, the lowest first. */
  number(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  word(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** As JSON: any text survives, and the platform reads it back fastest. */
  names(names: readonly string[]): void {
    this.block(new TextEncoder().encode(JSON.stringify(names)));
  }

  /** Bytes with their count in front. */
  block(block: Uint8Array): void {
    this.number(block.length);
    this.#reserve(block.length);
    this.#bytes.set(block, this.#length);
    this.#length += block.length;
  }

  /** What was written; valid until the next write. */
  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(this.#bytes.length * 2, this.#length + count)));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/** Thrown when bytes are not what a {@link ByteWriter} wrote; its callers turn it into "no such file". */
export class BrokenBytes extends Error {}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  number(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++];
    if (byte === undefined) throw new BrokenBytes("ends early");
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = bytes[this.#at++];
      if (byte === undefined || scale > 2 ** 49) throw new BrokenBytes("bad number");
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte >= 128);
    return value;
  }

  word(): number {
    this.#need(4);
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  double(): number {
    this.#need(8);
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  names(): string[] {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(this.block()));
    } catch (cause) {
      throw new BrokenBytes("bad names", { cause });
    }
    if (!Array.isArray(value) || !value.every((name) => typeof name === "string")) throw new BrokenBytes("bad names");
    return value;
  }

  block(): Uint8Array {
    const length = this.number();
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #need(count: number): void {
    if (this.#at + count > this.#bytes.length) throw new BrokenBytes("ends early");
  }
}
