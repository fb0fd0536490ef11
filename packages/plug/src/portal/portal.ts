/** Requests to the subscription portal: the one place that knows its addresses, headers and time limits (contract ns-plug 2). */
import { httpRequest, type HttpHost, type HttpResponse } from "@nethsec/host/http/http";
import { portals, type Plan, type Subscription } from "../config.ts";

const timeoutMs = 30_000;

/** `path` is relative to nothing: a whole URL of the portal. The body is sent as JSON. Throws HttpError. */
export function postToPortal(
  host: HttpHost,
  subscription: Subscription,
  url: string,
  body: unknown,
  retries = 0,
): Promise<HttpResponse> {
  return httpRequest(
    {
      url,
      method: "POST",
      headers: { Authorization: `token ${subscription.secret}` },
      body: { json: body },
      timeoutMs,
      retries,
      maxRedirects: 0,
      secrets: [subscription.secret],
    },
    host,
  );
}

/** What the portal knows about the machine that a secret belongs to. Throws HttpError. */
export function requestInfo(
  host: HttpHost,
  plan: Plan,
  secret: string,
  timeout = timeoutMs,
  apiUrl = portals[plan].api_url,
): Promise<HttpResponse> {
  const common = {
    timeoutMs: timeout,
    maxRedirects: 0,
    retries: 0,
    maxBytes: 1024 * 1024,
    secrets: [secret],
    accept: "any",
  } as const;
  return plan === "community"
    ? httpRequest({ ...common, url: `${apiUrl}machine/info`, headers: { Authorization: `token ${secret}` } }, host)
    : httpRequest({ ...common, url: `${apiUrl}systems/info`, method: "POST", body: { json: { secret } } }, host);
}
