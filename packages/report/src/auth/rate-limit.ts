/**
 * Limits failed sign-ins: a few tries for each address, some more for all addresses together. Pure; time comes from the caller.
 *
 * Invariants: memory is bounded however many addresses try; changing the lower half of an IPv6 address gains no tries; a correct password costs no
 * try, so that frequent sign-ins never lock a user out.
 */

/** Number of tries at once, and the milliseconds after which one try is restored. */
interface Allowance {
  readonly burst: number;
  readonly refillMs: number;
}

const perAddress: Allowance = { burst: 5, refillMs: 30_000 };
const together: Allowance = { burst: 50, refillMs: 1000 };
const maxAddresses = 2000;

interface Bucket {
  /** Tries left at `at`, fractions included. */
  left: number;
  at: number;
}

export class RateLimit {
  readonly #now: () => number;
  readonly #byAddress = new Map<string, Bucket>();
  readonly #all: Bucket;

  /** `now`: monotonic clock, milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#all = { left: together.burst, at: now() };
  }

  /**
   * Takes one try of `address` (any text; IPv6 addresses count by /64). Returns 0 when the try may be made, else the milliseconds to wait.
   * {@link succeeded} gives a successful try back.
   */
  attempt(address: string): number {
    const bucket = this.#bucket(networkOf(address));
    this.#refill(bucket, perAddress);
    this.#refill(this.#all, together);
    const wait = Math.max(waitOf(bucket, perAddress), waitOf(this.#all, together));
    if (wait > 0) return wait;
    bucket.left -= 1;
    this.#all.left -= 1;
    return 0;
  }

  succeeded(address: string): void {
    this.#byAddress.delete(networkOf(address));
    this.#all.left = Math.min(together.burst, this.#all.left + 1);
  }

  /** Number of addresses remembered; for tests and metrics. */
  get size(): number {
    return this.#byAddress.size;
  }

  #bucket(network: string): Bucket {
    const known = this.#byAddress.get(network);
    if (known !== undefined) return known;
    // Evicting the oldest address gains an attacker nothing beyond the limit for all addresses together.
    const oldest = this.#byAddress.keys().next();
    if (this.#byAddress.size >= maxAddresses && oldest.done !== true) this.#byAddress.delete(oldest.value);
    const fresh = { left: perAddress.burst, at: this.#now() };
    this.#byAddress.set(network, fresh);
    return fresh;
  }

  #refill(bucket: Bucket, allowance: Allowance): void {
    const now = this.#now();
    bucket.left = Math.min(allowance.burst, bucket.left + (now - bucket.at) / allowance.refillMs);
    bucket.at = now;
  }
}

function waitOf(bucket: Bucket, allowance: Allowance): number {
  return bucket.left >= 1 ? 0 : Math.ceil((1 - bucket.left) * allowance.refillMs);
}

/** The network to count: an IPv4 address itself, also when written inside IPv6; the first four groups of an IPv6 address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const tailGroups = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined) while (groups.length + tailGroups.length < 8) groups.push("0");
  return [...groups, ...tailGroups].slice(0, 4).join(":");
}
