/** Conditions with deadlines, instead of sleeps. */
import { NethsecError } from "@nethsec/host/error";

export interface UntilOptions {
  /** What is waited for, as in "client1 has an address": for the message. */
  readonly what: string;
  /** Milliseconds; default 20,000. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks; default 20. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks again until `condition` gives a value that is neither false nor undefined, and returns it. An error thrown by the condition
 * counts as "not yet" and is the cause of the failure at the deadline.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: UntilOptions,
): Promise<Exclude<T, false | undefined>> {
  const timeoutMs = options.timeoutMs ?? 20_000;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    options.signal?.throwIfAborted();
    let cause: unknown;
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    } catch (thrown) {
      cause = thrown;
    }
    if (performance.now() >= deadline) {
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      throw new NethsecError({
        code: "deadline_passed",
        message: `Not within ${(timeoutMs / 1000).toFixed(1)} s: ${options.what}${why}`,
        cause,
      });
    }
    await Bun.sleep(options.everyMs ?? 20);
  }
}
