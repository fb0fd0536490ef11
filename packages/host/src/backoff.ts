/** How long to wait before the next attempt. Pure. */

export interface Backoff {
  /** Delay after the first failure, in milliseconds; doubled after each further one. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/** Milliseconds to wait after `failures` failures in a row; 0 when there was none. */
export function backoffMs(failures: number, { firstMs, longestMs }: Backoff): number {
  if (failures <= 0) return 0;
  return Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 40));
}

/**
 * The same with full jitter: uniform between 0 and that limit, so that thousands of firewalls that failed in the same second do not retry in the same
 * second. `fraction` is random, 0 ≤ x < 1.
 */
export function jitteredBackoffMs(failures: number, fraction: number, backoff: Backoff): number {
  return fraction * backoffMs(failures, backoff);
}
