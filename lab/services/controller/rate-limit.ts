/** The controller's rate limit per client address: a token bucket of 100, refilled by 25 a second (recorded: `limits`). */
const [perSecond, burst] = [25, 100];

export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** Returns false when the bucket is empty. `nowMs` must be monotonic. */
  take(address: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(address) ?? { tokens: burst, at: nowMs };
    const tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * perSecond);
    const allowed = tokens >= 1;
    this.#buckets.set(address, { tokens: allowed ? tokens - 1 : tokens, at: nowMs });
    return allowed;
  }
}
