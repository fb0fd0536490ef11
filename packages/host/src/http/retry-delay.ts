/** How long to wait before the next attempt. Pure. */

export interface Backoff {
  /** The longest possible first wait; each further one may be twice as long. Milliseconds. */
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Exponential backoff with full jitter: evenly anywhere between 0 and the growing limit, so that thousands of firewalls that failed in the same
 * second do not come back in the same second. `attempt` counts from 0; `fraction` is random, 0 ≤ x < 1.
 */
export function retryDelay(attempt: number, fraction: number, backoff: Backoff): number {
  return fraction * Math.min(backoff.longestMs, backoff.firstMs * 2 ** Math.min(attempt, 40));
}

/** A Retry-After header (RFC 9110, section 10.2.3: seconds or a date) as milliseconds from `now`; undefined when absent or malformed. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  // Date.parse takes much for a date: "-5" is in 2001.
  const date = /^\s*[A-Za-z]{3,9},? /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
