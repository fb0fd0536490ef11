/** The controller's limit for each client address: a bucket of 100 that fills by 25 a second (recorded: `limits`). */
const [perSecond, burst] = [25, 100];

export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  /** False: too many. `nowMs` never goes back. */
  take(address: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(address) ?? { tokens: burst, at: nowMs };
    const tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.at) / 1000) * perSecond);
    const allowed = tokens >= 1;
    this.#buckets.set(address, { tokens: allowed ? tokens - 1 : tokens, at: nowMs });
    return allowed;
  }
}
