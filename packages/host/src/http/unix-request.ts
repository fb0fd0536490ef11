/** HTTP over a UNIX socket, with the runtime's own `fetch`: only packages/host knows that it takes `unix`. */

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

/** Resolves with any status. Throws what `fetch` throws; `nobodyListens` tells whether nobody serves the socket. */
export function unixRequest({ socket, method, path, body, signal }: UnixRequest): Promise<Response> {
  const init = {
    method,
    signal,
    unix: socket,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  };
  return fetch(`http://localhost${path}`, init);
}

/** Whether `error`, thrown by `unixRequest`, means that there is no socket or that its server has ended. */
export function nobodyListens(error: unknown): boolean {
  return error instanceof Error && "code" in error && notListening.has(String(error.code));
}
