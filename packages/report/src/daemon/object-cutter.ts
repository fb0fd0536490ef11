/**
 * Finds where a JSON object ends in bytes that come piece by piece: agents are not certain to put a newline after each message. Pure.
 * Invariant: nothing is decided about bytes that do not begin with an object; only quotes, backslashes and braces are looked at, whether the
 * object is valid is for `JSON.parse`.
 */
const [quote, backslash, openBrace, closeBrace] = [34, 92, 123, 125];

export class ObjectCutter {
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** The bytes since the last newline begin with something else. */
  #isOther = false;

  /** Forgets what was looked at: a line or the stream begins. */
  begin(): void {
    this.#depth = 0;
    this.#inText = false;
    this.#escaped = false;
    this.#isOther = false;
  }

  /** Looks at `bytes[from..to)`, which follow those of the last call. Where the first object that is complete ends; -1: none is. */
  end(bytes: Uint8Array, from: number, to: number): number {
    if (this.#isOther) return -1;
    for (let at = from; at < to; at++) {
      const byte = bytes[at];
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inText = false;
      } else if (byte === openBrace) this.#depth++;
      else if (byte === closeBrace) {
        if (this.#depth > 0 && --this.#depth === 0) return at + 1;
        if (this.#depth === 0) {
          this.#isOther = true;
          return -1;
        }
      } else if (byte === quote && this.#depth > 0) this.#inText = true;
      else if (this.#depth === 0 && !isBlank(byte)) {
        this.#isOther = true;
        return -1;
      }
    }
    return -1;
  }
}

export function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === 13;
}
