/**
 * Delay before retrying a failed registration. Pure. The count of consecutive failures survives restarts of the program (it exits after every
 * fifth, and procd restarts it), so that thousands of units do not return to the short first delay while a controller is down.
 */
import { backoffMs } from "@nethsec/host/backoff";

const backoff = { firstMs: 5_000, longestMs: 300_000 };

/**
 * Milliseconds to wait after `failures` consecutive failures: half of a delay that doubles up to five minutes, plus a random part of the other half.
 * The random part spreads units that failed in the same second; the fixed half keeps 10,000 of them under 50 requests a second.
 * `fraction` is random, 0 ≤ x < 1.
 */
export function retryDelayMs(failures: number, fraction: number): number {
  const whole = backoffMs(failures, backoff);
  return whole / 2 + (whole / 2) * fraction;
}

/**
 * Failure count after a lost tunnel: when a fleet has lost its controller, its units use the longest retry delay from the first failed
 * registration on.
 */
export const failuresAfterLoss = 7;
