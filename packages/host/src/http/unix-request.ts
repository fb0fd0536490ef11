/** HTTP over a UNIX socket with the runtime's own `fetch`: only packages/host uses its `unix` option. */

export interface UnixRequest {
  /** Real path of the socket. */
  readonly socket: string;
  readonly method: string;
  /** Path and query, e.g. "/history?limit=5". */
  readonly path: string;
  /** Sent as JSON; undefined: no body. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

const notListening = new Set(["ENOENT", "ECONNREFUSED", "FailedToOpenSocket", "ConnectionRefused"]);

/** Resolves with any status. Throws what `fetch` throws; use `nobodyListens` to check for a missing server. */
export function unixRequest({ socket, method, path, body, signal }: UnixRequest): Promise<Response> {
  const init = {
    method,
    signal,
    unix: socket,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  };
  return fetch(`http://localhost${path}`, init);
}

/** True when `error`, thrown by `unixRequest`, means that the socket is missing or its server has ended. */
export function nobodyListens(error: unknown): boolean {
  return error instanceof Error && "code" in error && notListening.has(String(error.code));
}
