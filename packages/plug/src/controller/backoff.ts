/**
 * When to try a failed registration again. Pure. The failures in a row are kept across restarts of the program (procd starts it again
 * after each fifth), so that thousands of units do not fall back to their first, short delay while a controller is away.
 */
import { backoffMs } from "@nethsec/host/backoff";

const backoff = { firstMs: 5_000, longestMs: 300_000 };

/**
 * Milliseconds to wait after `failures` failures in a row: half of a delay that doubles up to five minutes, and a random part of the other half.
 * The random part spreads units that failed in the same second; the fixed half keeps 10,000 of them under 50 requests a second.
 * `fraction` is random, 0 ≤ x < 1.
 */
export function retryDelayMs(failures: number, fraction: number): number {
  const whole = backoffMs(failures, backoff);
  return whole / 2 + (whole / 2) * fraction;
}

/**
 * A registration that fails after a tunnel was lost counts as if that many had failed before: a fleet that has lost its controller tries with the
 * longest delay from the beginning.
 */
export const failuresAfterLoss = 7;
