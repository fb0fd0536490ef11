/**
 * Digests by which flows of 5.x agents are known besides the one they have in the table. Pure. Bounded: the oldest one goes first.
 */
const maxAliases = 100_000;

export class Aliases {
  readonly #present = new Map<string, Uint32Array>();

  get size(): number {
    return this.#present.size;
  }

  /** From now on `digest` leads to the flow that the table has by `present`. */
  set(digest: Uint32Array, present: Uint32Array, netInterface: number): void {
    const key = keyOf(digest, netInterface);
    this.#present.delete(key);
    this.#present.set(key, present);
    if (this.#present.size <= maxAliases) return;
    const oldest = this.#present.keys().next();
    if (oldest.done !== true) this.#present.delete(oldest.value);
  }

  /** The digest by which the table has the flow, or had it. */
  get(digest: Uint32Array, netInterface: number): Uint32Array | undefined {
    return this.#present.get(keyOf(digest, netInterface));
  }
}

function keyOf(digest: Uint32Array, netInterface: number): string {
  return `${digest.join(".")}.${netInterface}`;
}
