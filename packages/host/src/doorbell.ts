/** Wakes a loop that sleeps until there is work. */
import type { Clock } from "./host.ts";

/** The longest delay of a timer. */
const longestMs = 2 ** 31 - 1;

export class Doorbell {
  #rung = false;
  #wake: () => void = () => undefined;

  /** Ends the current wait; if there is none, the next wait returns at once. */
  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** True when `ring` was called since the last `clear` or the end of the last wait. */
  get rung(): boolean {
    return this.#rung;
  }

  /** Discards a pending ring. */
  clear(): void {
    this.#rung = false;
  }

  /** Resolves after a ring, after `ms`, or when the signal aborts; never rejects. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      const rest = new AbortController();
      this.#wake = () => rest.abort(new Error("rung"));
      const both = AbortSignal.any([signal, rest.signal]);
      await clock.sleep(Math.min(Math.max(ms, 0), longestMs), both).catch(() => undefined);
      this.#wake = () => undefined;
    }
    this.#rung = false;
  }
}
