/**
 * Words of a UCI file (spec "uci", section 2.1): the quoting, joining and truncating rules of the original, with its positions for error messages.
 *
 * Invariants: `pos <= limit`; text between `limit` and the next physical line is discarded (after a comment, or a `;` directly after a bare word);
 * `pos - origin` is the offset in the logical line. Each byte is read a bounded number of times.
 */
import { UciError } from "./uci-error.ts";
import { findUsualLines, type UsualLines } from "./usual-lines.ts";

const byte = {
  tab: 9,
  newline: 10,
  return: 13,
  space: 32,
  double: 34,
  hash: 35,
  single: 39,
  semicolon: 59,
  backslash: 92,
} as const;

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** The usual form of a `config` line, preceding blank lines included. */
const usualHeader = /\n*[ \t]*config[ \t]+([A-Za-z0-9_-]+)(?:[ \t]+'([A-Za-z0-9_]+)')?\n/y;

/** Bytes. In smaller files compiling the first regular expressions of a process costs more than lexing step by step. */
const worthMatching = 4096;

export class Lexer {
  protected text: string;
  protected pos = 0;
  protected limit = 0;
  /** `pos - origin` is the offset in the logical line. */
  protected origin = 0;
  #lineEnd = 0;
  #keywordEnd = 0;

  /** `text`: a whole file without NUL bytes. For files with NUL bytes and for streamed input use `StreamLexer`. */
  constructor(text: string) {
    this.text = text;
  }

  /** Number of newline-terminated physical lines read so far. Counted on demand: only errors need it. */
  get line(): number {
    let lines = 0;
    for (let at = this.text.indexOf("\n"); at >= 0 && at < this.#lineEnd; at = this.text.indexOf("\n", at + 1))
      lines += 1;
    return lines;
  }

  /** Skips and returns the next run of lines in the usual form; undefined when there is none. */
  usualLines(): UsualLines | undefined {
    if (this.text.length < worthMatching) return undefined;
    const lines = findUsualLines(this.text, this.#lineEnd);
    if (lines !== undefined) this.#lineEnd = this.pos = this.limit = lines.to;
    return lines;
  }

  /** Skips the next `config` line if it has the usual form and `accept` returns true for its type and name. */
  usualHeader(accept: (type: string, name: string | undefined) => boolean): boolean {
    if (this.text.length < worthMatching) return false;
    usualHeader.lastIndex = this.#lineEnd;
    const match = usualHeader.exec(this.text);
    if (match === null || !accept(match[1] ?? "", match[2])) return false;
    this.#lineEnd = this.pos = this.limit = usualHeader.lastIndex;
    return true;
  }

  /** Starts the next logical line; false at the end of the input. */
  nextLine(): boolean {
    this.pos = this.#lineEnd;
    this.origin = this.pos;
    return this.join();
  }

  /** Appends the next physical line; `pos` must be at `limit`. False at the end of the input. */
  protected join(): boolean {
    if (this.#lineEnd >= this.text.length) return false;
    const newline = this.text.indexOf("\n", this.#lineEnd);
    this.#lineEnd = newline < 0 ? this.text.length : newline + 1;
    this.limit = this.#lineEnd;
    return true;
  }

  /** Everything after the current physical line. */
  rest(): string {
    return this.text.slice(this.#lineEnd);
  }

  /** True when nothing of the logical line is left. */
  get atEnd(): boolean {
    return this.pos >= this.limit;
  }

  error(reason: string): UciError {
    return new UciError("parse", { reason, line: this.line, byte: this.pos - this.origin });
  }

  skipSpace(): void {
    const { text, limit } = this;
    let pos = this.pos;
    while (pos < limit && isSpace(text.charCodeAt(pos))) pos += 1;
    this.pos = pos;
  }

  /** The next keyword; undefined when there is none. Does not advance (for positions in error messages) until {@link acceptKeyword}. */
  keyword(): string | undefined {
    const { text, limit } = this;
    let start = this.pos;
    while (start < limit && (text.charCodeAt(start) === byte.space || text.charCodeAt(start) === byte.tab)) start += 1;
    if (start >= limit) return undefined;
    let end = start;
    while (end < limit && text.charCodeAt(end) !== byte.space && text.charCodeAt(end) !== byte.tab) end += 1;
    this.#keywordEnd = end;
    return text.slice(start, end);
  }

  /** Advances past the keyword; false when nothing follows it, not even a blank. */
  acceptKeyword(): boolean {
    if (this.#keywordEnd >= this.limit) return false;
    this.pos = this.#keywordEnd + 1;
    return true;
  }

  /** The next word; empty when there is none, when it is a `;`, or when it is an empty string. */
  word(): string {
    this.skipSpace();
    const { text, pos, limit } = this;
    if (pos >= limit) return "";
    const first = text.charCodeAt(pos);
    if (first === byte.semicolon) {
      this.pos = pos + 1;
      return "";
    }
    if (first === byte.single) {
      // The usual value: one quoted string on one line.
      let end = pos + 1;
      while (end < limit && text.charCodeAt(end) !== byte.single) end += 1;
      if (end < limit && (end + 1 >= limit || isSpace(text.charCodeAt(end + 1)))) {
        this.pos = Math.min(end + 2, limit);
        return text.slice(pos + 1, end);
      }
      return this.#pieces();
    }
    for (let end = pos; ; end += 1) {
      if (end >= limit) {
        this.pos = end;
        return text.slice(pos, end);
      }
      const code = text.charCodeAt(end);
      if (isSpace(code)) {
        this.pos = end + 1;
        return text.slice(pos, end);
      }
      if (code <= byte.semicolon || code === byte.backslash) if (isSpecial(code)) return this.#pieces();
    }
  }

  #pieces(): string {
    let word = "";
    // Once a quote or backslash was dropped, the original writes its terminator before the `;`, so the text after the `;` is not cut off.
    let shifted = false;
    do {
      const code = this.pos < this.limit ? this.text.charCodeAt(this.pos) : -1;
      if (code === byte.semicolon) {
        if (!shifted) this.limit = this.pos;
        return word;
      }
      if (code === byte.hash) this.limit = this.pos;
      if (code === byte.hash || code === -1) return word;
      if (code === byte.single || code === byte.double || code === byte.backslash) {
        shifted = true;
        if (code === byte.single) word += this.#singleQuoted();
        else if (code === byte.double) word += this.#doubleQuoted();
        else word += this.#escaped();
      } else {
        const start = this.pos;
        let end = start;
        while (end < this.limit && !isSpace(this.text.charCodeAt(end)) && !isSpecial(this.text.charCodeAt(end)))
          end += 1;
        this.pos = end;
        word += this.text.slice(start, end);
      }
    } while (this.pos < this.limit && !isSpace(this.text.charCodeAt(this.pos)));
    if (this.pos < this.limit) this.pos += 1;
    return word;
  }

  #singleQuoted(): string {
    let value = "";
    this.pos += 1;
    for (;;) {
      let end = this.pos;
      while (end < this.limit && this.text.charCodeAt(end) !== byte.single) end += 1;
      value += this.text.slice(this.pos, end);
      this.pos = end;
      if (end < this.limit) {
        this.pos += 1;
        return value;
      }
      if (!this.join()) throw this.error("EOF with unterminated '");
    }
  }

  #doubleQuoted(): string {
    let value = "";
    this.pos += 1;
    for (;;) {
      let end = this.pos;
      while (
        end < this.limit &&
        this.text.charCodeAt(end) !== byte.double &&
        this.text.charCodeAt(end) !== byte.backslash
      )
        end += 1;
      value += this.text.slice(this.pos, end);
      this.pos = end;
      if (end >= this.limit) {
        if (!this.join()) throw this.error('EOF with unterminated "');
      } else if (this.text.charCodeAt(end) === byte.backslash) {
        value += this.#escaped();
      } else {
        this.pos += 1;
        return value;
      }
    }
  }

  /** Reads the byte after a backslash; returns "" when the backslash joined two lines. */
  #escaped(): string {
    this.pos += 1;
    const left = this.limit - this.pos;
    const code = left > 0 ? this.text.charCodeAt(this.pos) : -1;
    const isNewline =
      code === byte.newline ||
      (code === byte.return && left === 2 && this.text.charCodeAt(this.pos + 1) === byte.newline);
    if (left > 0 && !isNewline) {
      this.pos += 1;
      return this.text.charAt(this.pos - 1);
    }
    this.origin += left;
    this.pos = this.limit;
    this.join();
    return "";
  }
}

function isSpecial(code: number): boolean {
  return (
    code === byte.single ||
    code === byte.double ||
    code === byte.backslash ||
    code === byte.hash ||
    code === byte.semicolon
  );
}
