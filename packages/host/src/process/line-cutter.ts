/**
 * Cuts text that comes in pieces into lines. Pure. A line longer than `maxLength` characters is cut there and its rest dropped, so that memory is
 * bounded. The traffic report has one of its own for bytes (packages/report/src/daemon/line-reader.ts): decoding its stream would cost more than reading it.
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

  /** What stands behind the last line end; "" when nothing does. The stream is over. */
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
