/**
 * Other digests under which 5.x agents report a flow, besides the one in the flow table. Stored in a second flow table, 64 bytes each.
 * Pure. Bounded: the oldest alias is dropped first.
 */
import { FlowTable } from "./flow-table.ts";

const maxAliases = 100_000;

export class Aliases {
  readonly #table = new FlowTable();
  /** Rows in order of insertion; a ring. */
  readonly #made = new Int32Array(maxAliases).fill(-1);
  #next = 0;
  readonly #present = new Uint32Array(5);

  get size(): number {
    return this.#table.size;
  }

  /** Makes `digest` an alias of `present`, the flow's digest in the flow table. */
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

  /** The flow's digest in the flow table (the flow may be gone from there); valid until the next call. */
  get(digest: Uint32Array, netInterface: number): Uint32Array | undefined {
    const row = this.#table.find(digest, netInterface);
    if (row < 0) return undefined;
    for (let word = 0; word < 5; word++) this.#present[word] = this.#table.get(row, word);
    return this.#present;
  }
}
