/** Wakes a loop that sleeps until there is something to do. */
import type { Clock } from "./host.ts";

/** What one timer can hold. */
const longestMs = 2 ** 31 - 1;

export class Doorbell {
  #rung = false;
  #wake: () => void = () => undefined;

  /** Ends the wait that is under way, or else the next one before it begins. */
  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Whether it was rung since the last `clear` or the end of the last wait. */
  get rung(): boolean {
    return this.#rung;
  }

  /** Forgets a ring that nobody waited for. */
  clear(): void {
    this.#rung = false;
  }

  /** Resolves when it is rung, after `ms`, or when the signal aborts; never rejects. */
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
