/** Requests to the subscription portal. Only this file builds their URLs, headers and time limits (contract ns-plug 2). */
import { httpRequest, type HttpHost, type HttpResponse } from "@nethsec/host/http/http";
import { portals, type Plan, type Subscription } from "../config.ts";

const timeoutMs = 30_000;

export interface PostOptions {
  /** Further attempts; default 0. */
  readonly retries?: number;
  /** Limit of one attempt; default 30,000. */
  readonly timeoutMs?: number;
}

/** `url`: a complete URL of the portal. The body is sent as JSON. Throws HttpError. */
export function postToPortal(
  host: HttpHost,
  subscription: Subscription,
  url: string,
  body: unknown,
  options: PostOptions = {},
): Promise<HttpResponse> {
  return httpRequest(
    {
      url,
      method: "POST",
      headers: { Authorization: `token ${subscription.secret}`, Accept: "application/json" },
      body: { json: body },
      timeoutMs: options.timeoutMs ?? timeoutMs,
      retries: options.retries ?? 0,
      maxRedirects: 0,
      secrets: [subscription.secret],
    },
    host,
  );
}

export interface InfoOptions extends PostOptions {
  readonly apiUrl?: string;
  readonly signal?: AbortSignal;
}

/** Asks the portal about the machine that a secret belongs to. Returns responses of any HTTP status; throws HttpError when there is none. */
export function requestInfo(
  host: HttpHost,
  plan: Plan,
  secret: string,
  options: InfoOptions = {},
): Promise<HttpResponse> {
  const { apiUrl = portals[plan].api_url, signal } = options;
  const common = {
    timeoutMs: options.timeoutMs ?? timeoutMs,
    maxRedirects: 0,
    retries: options.retries ?? 0,
    maxBytes: 1024 * 1024,
    secrets: [secret],
    accept: "any",
    ...(signal === undefined ? {} : { signal }),
  } as const;
  const headers = { Accept: "application/json" };
  return plan === "community"
    ? httpRequest(
        { ...common, url: `${apiUrl}machine/info`, headers: { ...headers, Authorization: `token ${secret}` } },
        host,
      )
    : httpRequest(
        { ...common, url: `${apiUrl}systems/info`, method: "POST", headers, body: { json: { secret } } },
        host,
      );
}
