/**
 * A lexer for streamed input (batch), and for files with NUL bytes, where the result depends on the line buffer of the original (spec "uci", section
 * 2.5): chunks of a doubling buffer, each cut at its first NUL.
 */
import { Lexer } from "./lexer.ts";

export class StreamLexer extends Lexer {
  readonly #read: () => string;
  #pending = "";
  #ended = false;
  #size = 32;
  #line = 0;

  /** `read` returns the next bytes, "" at the end. */
  constructor(read: () => string) {
    super("");
    this.#read = read;
  }

  override get line(): number {
    return this.#line;
  }

  override set line(line: number) {
    this.#line = line;
  }

  override usualLines(): undefined {
    return undefined;
  }

  override usualHeader(): boolean {
    return false;
  }

  override nextLine(): boolean {
    this.text = "";
    this.pos = 0;
    this.limit = 0;
    this.origin = 0;
    const any = this.#fill(1);
    this.join();
    return any;
  }

  /** Drops the text read before and keeps only its length as an offset: the word so far has been copied already. */
  protected override join(): boolean {
    const offset = this.pos - this.origin;
    const physical = this.#physicalLine(offset);
    if (physical === "") return false;
    this.text = physical;
    this.pos = 0;
    this.limit = physical.length;
    this.origin = -offset;
    return true;
  }

  /** All unread input. */
  override rest(): string {
    let rest = this.#pending;
    for (let more = this.#read(); more !== ""; more = this.#read()) rest += more;
    this.#pending = "";
    this.#ended = true;
    return rest;
  }

  #physicalLine(offset: number): string {
    if (offset >= this.#size - 1) this.#size *= 2;
    let physical = "";
    for (;;) {
      const chunk = this.#chunk(this.#size - offset - physical.length - 1);
      const nul = chunk.indexOf("\0");
      const kept = nul < 0 ? chunk : chunk.slice(0, nul);
      if (kept === "") return physical;
      physical += kept;
      if (kept.endsWith("\n")) {
        this.#line += 1;
        return physical;
      }
      this.#size *= 2;
    }
  }

  /** At most `room` bytes; ends early after a newline. */
  #chunk(room: number): string {
    let searched = 0;
    for (;;) {
      const newline = this.#pending.indexOf("\n", searched);
      if (newline >= 0 && newline < room) return this.#take(newline + 1);
      if (this.#pending.length >= room) return this.#take(room);
      searched = this.#pending.length;
      if (!this.#fill(searched + 1)) return this.#take(searched);
    }
  }

  #take(count: number): string {
    const taken = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    return taken;
  }

  /** Reads until at least `count` bytes are buffered; false at the end of the input. */
  #fill(count: number): boolean {
    while (!this.#ended && this.#pending.length < count) {
      const more = this.#read();
      if (more === "") this.#ended = true;
      this.#pending += more;
    }
    return this.#pending.length >= count;
  }
}

/** The lexer for a whole file. */
export function lexerFor(text: string): Lexer {
  if (!text.includes("\0")) return new Lexer(text);
  let left = text;
  return new StreamLexer(() => {
    const all = left;
    left = "";
    return all;
  });
}
