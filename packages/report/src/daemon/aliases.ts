/**
 * 5.x agents change a flow's digest when they learn more about it, and name the earlier ones in `digest_prev`; the first stays the
 * flow's name here. Pure. Bounded: the oldest alias goes first.
 */
const maxAliases = 100_000;

export class Aliases {
  private readonly firsts = new Map<string, Uint32Array>();

  get size(): number {
    return this.firsts.size;
  }

  set(digest: Uint32Array, first: Uint32Array, netInterface: number): void {
    const key = keyOf(digest, netInterface);
    this.firsts.delete(key);
    this.firsts.set(key, first.slice());
    if (this.firsts.size <= maxAliases) return;
    const oldest = this.firsts.keys().next();
    if (oldest.done !== true) this.firsts.delete(oldest.value);
  }

  /** The first digest of the flow that now goes by `digest`. */
  get(digest: Uint32Array, netInterface: number): Uint32Array | undefined {
    return this.firsts.get(keyOf(digest, netInterface));
  }
}

function keyOf(digest: Uint32Array, netInterface: number): string {
  return `${digest.join(".")}.${netInterface}`;
}
