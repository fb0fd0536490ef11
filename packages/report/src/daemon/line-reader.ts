/**
 * Cuts a byte stream into messages. Both dialects frame by line: 4.x puts a line `{"length": N}` before each message, 5.x does not (contract
 * netifyd); the length is not needed. It is not certain that every 5.x release ends each message with a newline, so a complete object at the end of
 * the received bytes counts as a message. Pure. Invariants: memory is bounded by `maxLineBytes` plus one chunk; the bytes passed to `line` are valid
 * during the call only.
 */
import { isBlank, ObjectCutter } from "./object-cutter.ts";

/** Far over the longest legitimate line seen (definitions, 18,704 bytes; much larger with more signatures). */
export const maxLineBytes = 4 * 1024 * 1024;

const newline = 10;

export interface LineSink {
  /** One line without its newline: `bytes[start..end)`. */
  line(bytes: Uint8Array, start: number, end: number): void;
  /** A line longer than {@link maxLineBytes} is dropped. */
  tooLong(): void;
}

export class LineReader {
  readonly #sink: LineSink;
  #rest = new Uint8Array(0);
  #kept = 0;
  #dropping = false;
  readonly #cutter = new ObjectCutter();

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** Processes the next bytes of the stream; a chunk may end anywhere. */
  push(chunk: Uint8Array): void {
    let start = 0;
    if (this.#kept > 0 || this.#dropping) {
      const end = chunk.indexOf(newline);
      if (end < 0) {
        this.#keep(chunk);
        return;
      }
      this.#keep(chunk.subarray(0, end));
      if (!this.#dropping && this.#kept > 0) this.#sink.line(this.#rest, 0, this.#kept);
      this.#forget();
      start = end + 1;
    }
    for (let end = chunk.indexOf(newline, start); end >= 0; end = chunk.indexOf(newline, start)) {
      if (end - start > maxLineBytes) this.#sink.tooLong();
      else if (end > start) this.#sink.line(chunk, start, end);
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  /** Call when the stream ended: drops an incomplete line. Returns true when there was one. */
  end(): boolean {
    const left = this.#kept > 0 || this.#dropping;
    this.#forget();
    return left;
  }

  #keep(part: Uint8Array): void {
    if (this.#dropping) return;
    const length = this.#kept + part.length;
    if (length > maxLineBytes) {
      this.#forget();
      this.#dropping = true;
      this.#sink.tooLong();
      return;
    }
    if (length > this.#rest.length) {
      const larger = new Uint8Array(Math.max(length, this.#rest.length * 2, 16_384));
      larger.set(this.#rest.subarray(0, this.#kept));
      this.#rest = larger;
    }
    this.#rest.set(part, this.#kept);
    this.#cut(this.#kept, length);
  }

  /** Passes on each complete object of `rest[0..length)`, of which the first `looked` bytes were scanned before; keeps the remainder. */
  #cut(looked: number, length: number): void {
    let start = 0;
    let from = looked;
    for (
      let end = this.#cutter.end(this.#rest, from, length);
      end >= 0;
      end = this.#cutter.end(this.#rest, from, length)
    ) {
      this.#sink.line(this.#rest, start, end);
      start = end;
      from = end;
    }
    while (start >= looked && start < length && isBlank(this.#rest[start])) start++;
    if (start > 0) this.#rest.copyWithin(0, start, length);
    this.#kept = length - start;
  }

  #forget(): void {
    this.#cutter.begin();
    this.#kept = 0;
    this.#dropping = false;
    // Frees a large buffer, so that one long line does not hold memory for ever.
    if (this.#rest.length > 65_536) this.#rest = new Uint8Array(0);
  }
}
