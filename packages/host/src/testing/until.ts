/** Waiting for conditions with deadlines instead of sleeps, for the lab and for tests. */
import { NethsecError } from "../error.ts";
import { pace, paceAgain, paced } from "./pace.ts";

export interface UntilOptions {
  /** Description of the condition for the error message, as in "client1 has an address". */
  readonly what: string;
  /** Milliseconds on an idle machine of the reference speed, stretched by the machine's pace; default 20,000. */
  readonly timeoutMs?: number;
  /** Milliseconds between two evaluations of the condition, at least; default 20. A condition that takes long is evaluated less often. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Evaluates `condition` until it returns a value that is neither false nor undefined, and returns that value. An error thrown by the condition counts
 * as "not yet"; at the deadline it becomes the cause of the failure (code `deadline_passed`).
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: UntilOptions,
): Promise<Exclude<T, false | undefined>> {
  const { what, timeoutMs = 20_000, everyMs = 20, signal } = options;
  const began = performance.now();
  // Most conditions hold soon: the machine's pace is measured only after the unstretched time has passed.
  const extensions = [() => paced(timeoutMs), () => timeoutMs * paceAgain()];
  let deadline = began + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    let cause: unknown;
    const looked = performance.now();
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    } catch (thrown) {
      cause = thrown;
    }
    if (performance.now() >= deadline) {
      const extended = extensions.shift();
      if (extended === undefined) throw deadlinePassed(what, performance.now() - began, timeoutMs, cause);
      deadline = began + extended();
    }
    // Looking into a node of the lab starts several programs. At three times its duration, waiting leaves the machine to what is waited for.
    await Bun.sleep(Math.max(everyMs, Math.min(1000, 3 * (performance.now() - looked))));
  }
}

function deadlinePassed(what: string, waited: number, timeoutMs: number, cause: unknown): NethsecError {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  const why = cause instanceof Error ? `. Last error: ${cause.message}` : "";
  return new NethsecError({
    code: "deadline_passed",
    message: `Waited ${seconds(waited)} s for: ${what} (limit ${seconds(timeoutMs)} s, times ${pace()} for the machine's pace)${why}`,
    cause,
  });
}
