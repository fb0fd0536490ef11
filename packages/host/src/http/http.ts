/**
 * HTTP client for everything that leaves the firewall: on the built-in fetch, verified against the system's CA bundle.
 *
 * Invariants: an attempt ends within its deadline; memory is bounded by `maxBytes`; a redirect never carries credentials, cookies or a
 * body to another origin; no secret of the request appears in an error; a file downloaded is complete or absent.
 */
import { type Backoff, jitteredBackoffMs } from "../backoff.ts";
import { attempt } from "./http-attempt.ts";
import { HttpError } from "./http-error.ts";
import type { HttpHost, HttpMethod, HttpRequest, HttpResponse } from "./http-request.ts";

export type { HttpBody, HttpHost, HttpMethod, HttpRequest, HttpResponse } from "./http-request.ts";
export { HttpError, type HttpErrorKind, type TlsReason } from "./http-error.ts";

const backoff: Backoff = { firstMs: 1000, longestMs: 30_000 };
const longestRetryAfterMs = 300_000;
const idempotent: ReadonlySet<HttpMethod> = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/** Makes one call, with its retries and redirects. Throws {@link HttpError}, and `FileError` for a body or download file. */
export async function httpRequest(request: HttpRequest, host: HttpHost): Promise<HttpResponse> {
  const method = request.method ?? (request.body === undefined ? "GET" : "POST");
  const retries = request.retries ?? (idempotent.has(method) ? 2 : 0);
  for (let attempts = 0; ; attempts += 1) {
    const last = attempts >= retries;
    const outcome = await attempt({ ...request, method }, host, last);
    if (!(outcome instanceof HttpError)) return outcome;
    const delayMs = outcome.retryAfterMs ?? jitteredBackoffMs(attempts + 1, host.random.fraction(), backoff);
    if (last || delayMs > longestRetryAfterMs) throw outcome;
    // Clients that were given the same Retry-After must not return at the same moment.
    const jitterMs = outcome.retryAfterMs === undefined ? 0 : host.random.fraction() * backoff.firstMs;
    await host.clock.sleep(delayMs + jitterMs, request.signal).catch((reason: unknown) => {
      if (request.signal?.aborted !== true) throw reason;
      throw new HttpError({ kind: "aborted", message: `${outcome.message}; then the call was stopped` });
    });
  }
}
