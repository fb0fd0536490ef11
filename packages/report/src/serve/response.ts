/** Responses with the headers common to all of them. Pure. */

/** No content from other origins, no inline content, no framing. */
const policy =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const common: Readonly<Record<string, string>> = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

export const htmlType = "text/html; charset=utf-8";
export const jsonType = "application/json; charset=utf-8";
export const csvType = "text/csv; charset=utf-8; header=present";
const plainType = "text/plain; charset=utf-8";

export function answer(
  body: string | ReadableStream<Uint8Array>,
  type: string,
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Response {
  return new Response(body, {
    status: more.status ?? 200,
    headers: { ...common, "content-type": type, "cache-control": "private, no-cache", ...more.headers },
  });
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return answer(`${text}\n`, plainType, { status, headers });
}

/** 303: the browser then requests `location` by GET. */
export function redirect(location: string, headers: Readonly<Record<string, string>> = {}): Response {
  return answer("", plainType, { status: 303, headers: { location, ...headers } });
}
