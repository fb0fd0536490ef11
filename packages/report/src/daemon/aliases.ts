/**
 * Digests by which flows of 5.x agents are known besides the one they have in the table of flows. A table of the same kind, 64 bytes each.
 * Pure. Bounded: the oldest one goes first.
 */
import { FlowTable } from "./flow-table.ts";

const maxAliases = 100_000;

export class Aliases {
  readonly #table = new FlowTable();
  /** Rows in the order of their making; a ring. */
  readonly #made = new Int32Array(maxAliases).fill(-1);
  #next = 0;
  readonly #present = new Uint32Array(5);

  get size(): number {
    return this.#table.size;
  }

  /** From now on `digest` leads to the flow that the table of flows has by `present`. */
  set(digest: Uint32Array, present: Uint32Array, netInterface: number): void {
    let row = this.#table.find(digest, netInterface);
    if (row < 0) {
      const oldest = this.#made[this.#next] ?? -1;
      if (oldest >= 0) this.#table.remove(oldest);
      row = this.#table.insert(digest, netInterface);
      this.#made[this.#next] = row;
      this.#next = (this.#next + 1) % maxAliases;
    }
    for (let word = 0; word < 5; word++) this.#table.set(row, word, present[word] ?? 0);
  }

  /** The digest by which the table of flows has it, or had it; valid until the next call. */
  get(digest: Uint32Array, netInterface: number): Uint32Array | undefined {
    const row = this.#table.find(digest, netInterface);
    if (row < 0) return undefined;
    for (let word = 0; word < 5; word++) this.#present[word] = this.#table.get(row, word);
    return this.#present;
  }
}
