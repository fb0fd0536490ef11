/**
 * Finds the end of a JSON object in bytes that arrive in pieces: it is not certain that every agent puts a newline after each message. Pure.
 * Invariant: bytes that do not begin with an object are left alone; only quotes, backslashes and braces are examined, `JSON.parse` decides whether
 * the object is valid.
 */
const [quote, backslash, openBrace, closeBrace] = [34, 92, 123, 125];

export class ObjectCutter {
  #depth = 0;
  #inText = false;
  #escaped = false;
  /** The bytes since the last newline do not begin with an object. */
  #isOther = false;

  /** Resets the state at the beginning of a line or of the stream. */
  begin(): void {
    this.#depth = 0;
    this.#inText = false;
    this.#escaped = false;
    this.#isOther = false;
  }

  /** Scans `bytes[from..to)`, which continue the bytes of the last call. Returns the end of the first complete object; -1: none. */
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
