/** A clock that stands still until it is told to go on: for tests of what waits, times out and retries. */
import type { Clock } from "../host.ts";

export interface FakeClock extends Clock {
  /**
   * Lets `ms` pass: every sleep that ends within it ends in order, and what follows from it (promises, files) runs before the next one.
   * Programs really started elsewhere are not waited for.
   */
  advance(ms: number): Promise<void>;
  /** How many sleeps are pending. */
  readonly sleepers: number;
  /** Sets the wall clock (as ntpd would); `monotonic` does not move. */
  setWallClock(now: number): void;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Starts at `start` (milliseconds since 1970; default 2026-01-01 00:00 UTC); `monotonic` starts at 0. */
export function fakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let offset = start;
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();

  const nextBefore = (end: number): Sleeper | undefined =>
    [...sleepers].filter((sleeper) => sleeper.at <= end).toSorted((a, b) => a.at - b.at)[0];

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const stop = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          at: elapsed + Math.max(0, ms),
          wake: () => {
            signal?.removeEventListener("abort", stop);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", stop, { once: true });
      }),
    advance: async (ms) => {
      const end = elapsed + ms;
      await settle();
      for (let next = nextBefore(end); next !== undefined; next = nextBefore(end)) {
        elapsed = Math.max(elapsed, next.at);
        sleepers.delete(next);
        next.wake();
        await settle();
      }
      elapsed = end;
      await settle();
    },
    get sleepers() {
      return sleepers.size;
    },
    setWallClock: (now) => {
      offset = now - elapsed;
    },
  };
}

/** Several turns of the event loop: promise chains, immediate callbacks and finished I/O run. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
