/** `Clock` of the machine. */
import type { Clock } from "../host.ts";

/** The longest delay of setTimeout: longer waits are split. */
const longestTimerMs = 2 ** 31 - 1;

export const localClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    const deadline = performance.now() + ms;
    do {
      await oneTimer(Math.min(Math.max(0, deadline - performance.now()), longestTimerMs), signal);
    } while (performance.now() < deadline - 1);
  },
};

function oneTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
