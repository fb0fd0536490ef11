/** Feeds the engine's byte stream to the accounting: cuts lines, parses messages, and dispatches each kind. Pure. */
import type { Accounting } from "./accounting.ts";
import { emptyEvent } from "./flow-event.ts";
import { LineReader } from "./line-reader.ts";
import { isBlank, ObjectCutter } from "./object-cutter.ts";
import { EventScanner } from "./event-scanner.ts";

export class StreamReader {
  /** Lines since the start that are not a message. */
  malformed = 0;
  /** Bytes since the start, and messages of any kind in them. */
  received = 0;
  understood = 0;
  readonly #accounting: Accounting;
  readonly #lines: LineReader;
  readonly #event = emptyEvent();
  readonly #scanner: EventScanner;

  constructor(accounting: Accounting, interfaceNumber: (name: string) => number) {
    this.#accounting = accounting;
    this.#scanner = new EventScanner(this.#event, interfaceNumber);
    this.#lines = new LineReader({
      line: (bytes, start, end) => this.#line(bytes, start, end),
      tooLong: () => this.malformed++,
    });
  }

  push(chunk: Uint8Array): void {
    this.received += chunk.length;
    this.#lines.push(chunk);
  }

  /** The connection ended: drops an incomplete line. */
  end(): void {
    if (this.#lines.end()) this.malformed++;
  }

  #line(bytes: Uint8Array, start: number, end: number): void {
    if (isFrameHeader(bytes, start, end)) return;
    const message = this.#scanner.scan(bytes, start, end);
    if (message === "malformed") {
      this.#several(bytes, start, end);
      return;
    }
    this.understood++;
    if (message === "flow") this.#accounting.event(this.#event);
    else if (message !== "other") this.#accounting.roles(message.hasInternal);
  }

  /** Handles a line that is not a message: it may be several messages without a newline between them. */
  #several(bytes: Uint8Array, start: number, end: number): void {
    const cutter = new ObjectCutter();
    let from = start;
    for (let stop = cutter.end(bytes, from, end); stop >= 0 && stop < end; stop = cutter.end(bytes, from, end)) {
      this.#line(bytes, from, stop);
      from = stop;
    }
    if (from > start) this.#line(bytes, from, end);
    else if (!bytes.subarray(start, end).every(isBlank)) this.malformed++;
  }
}

const header = new TextEncoder().encode('{"length":');

/** 4.x: `{"length": N}` before each message. */
function isFrameHeader(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 32 || bytes[end - 1] !== 125) return false;
  for (let index = 0; index < header.length; index++) if (bytes[start + index] !== header[index]) return false;
  for (let at = start + header.length; at < end - 1; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== 32 && (byte < 48 || byte > 57)) return false;
  }
  return true;
}
