/** Parses the Retry-After header. Pure. */

/** A Retry-After header (RFC 9110, section 10.2.3: seconds or a date) as milliseconds from `now`; undefined when absent or malformed. */
export function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  // Date.parse accepts too much: "-5" is in 2001.
  const date = /^\s*[A-Za-z]{3,9},? /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
