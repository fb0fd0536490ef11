/** A clock that moves only when told to: for tests and simulations of code that waits, times out and retries. */
import type { Clock } from "../host.ts";

export interface FakeClock extends Clock {
  /**
   * Advances by `ms`: ends every sleep that is due, in order; promise chains and file operations that follow from one run before the next one ends.
   * Does not wait for real programs.
   */
  advance(ms: number): Promise<void>;
  /**
   * Advances to the earliest sleep that ends at or before `until` (on `monotonic`; default: no limit) and ends it. False when there is none. Code
   * that follows from it runs when the caller awaits.
   */
  next(until?: number): boolean;
  /** Advances without ending any sleep: sleeps that are due end at the next call of `next` or `advance`. */
  skip(ms: number): void;
  /** How many sleeps are pending. */
  readonly sleepers: number;
  /** Sets the wall clock (as ntpd would); `monotonic` does not move. */
  setWallClock(now: number): void;
}

interface Sleeper {
  readonly at: number;
  /** Breaks ties: sleeps that end at the same moment end in the order of their start. */
  readonly number: number;
  readonly wake: () => void;
  gone: boolean;
}

/** Starts at `start` (milliseconds since 1970; default 2026-01-01 00:00 UTC); `monotonic` starts at 0. */
export function fakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let offset = start;
  let elapsed = 0;
  let count = 0;
  let asleep = 0;
  const heap = new Heap();

  const next = (until = Number.POSITIVE_INFINITY): boolean => {
    while (heap.first?.gone === true) heap.pop();
    const first = heap.first;
    if (first === undefined || first.at > until) return false;
    heap.pop();
    asleep -= 1;
    elapsed = Math.max(elapsed, first.at);
    first.wake();
    return true;
  };

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const stop = (): void => {
          sleeper.gone = true;
          asleep -= 1;
          reject(signal?.reason);
        };
        const sleeper: Sleeper = {
          at: elapsed + Math.max(0, ms),
          number: count++,
          gone: false,
          wake: () => {
            signal?.removeEventListener("abort", stop);
            resolve();
          },
        };
        heap.push(sleeper);
        asleep += 1;
        signal?.addEventListener("abort", stop, { once: true });
      }),
    advance: async (ms) => {
      const end = elapsed + ms;
      await settle();
      while (next(end)) await settle();
      elapsed = end;
      await settle();
    },
    next,
    skip: (ms) => {
      elapsed += ms;
    },
    get sleepers() {
      return asleep;
    },
    setWallClock: (now) => {
      offset = now - elapsed;
    },
  };
}

/** Several turns of the event loop, for promise chains, immediate callbacks and finished I/O. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Sleepers ordered by wake time; a heap, since simulations have tens of thousands. */
class Heap {
  readonly #items: Sleeper[] = [];

  get first(): Sleeper | undefined {
    return this.#items[0];
  }

  push(item: Sleeper): void {
    let index = this.#items.push(item) - 1;
    for (let parent = (index - 1) >> 1; index > 0 && this.#before(index, parent); parent = (index - 1) >> 1) {
      this.#swap(index, parent);
      index = parent;
    }
  }

  pop(): void {
    const last = this.#items.pop();
    if (last === undefined || this.#items.length === 0) return;
    this.#items[0] = last;
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const smaller = this.#before(right, left) ? right : left;
      if (!this.#before(smaller, index)) return;
      this.#swap(index, smaller);
      index = smaller;
    }
  }

  #before(one: number, other: number): boolean {
    const [a, b] = [this.#items[one], this.#items[other]];
    if (a === undefined || b === undefined) return a !== undefined;
    return a.at < b.at || (a.at === b.at && a.number < b.number);
  }

  #swap(one: number, other: number): void {
    const [a, b] = [this.#items[one], this.#items[other]];
    if (a !== undefined && b !== undefined) [this.#items[one], this.#items[other]] = [b, a];
  }
}
