/**
 * Cuts text that arrives in chunks into lines. Pure. A line is cut at `maxLength` characters and its rest dropped, so that memory is bounded. The
 * traffic report has its own cutter for bytes (packages/report/src/daemon/line-reader.ts): decoding its stream would cost more than reading it.
 */
export class LineCutter {
  readonly #maxLength: number;
  #rest = "";
  #full = false;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** The lines that `text` completes, without their line ends. */
  push(text: string): string[] {
    const parts = text.split("\n");
    const last = parts.pop() ?? "";
    const lines = parts.map((part) => {
      this.#add(part);
      return this.#take();
    });
    this.#add(last);
    return lines;
  }

  /** The text after the last line end, or ""; call at the end of the stream. */
  end(): string {
    return this.#take();
  }

  #add(part: string): void {
    if (this.#full) return;
    this.#rest += part;
    if (this.#rest.length <= this.#maxLength) return;
    this.#rest = this.#rest.slice(0, this.#maxLength);
    this.#full = true;
  }

  #take(): string {
    const line = this.#rest;
    [this.#rest, this.#full] = ["", false];
    return line;
  }
}
