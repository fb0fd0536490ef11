/** Input and output types of the HTTP client. */
import type { Host } from "../host.ts";

export type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Request bodies; all can be sent again when a call is retried or redirected with 307/308. */
export type HttpBody =
  | string
  | Uint8Array
  /** Any value; sent as JSON with its content type. */
  | { readonly json: unknown }
  /** A file of the host (path as on the firewall), streamed with its length. */
  | { readonly file: string }
  /** Opened once per attempt; streamed, chunked. */
  | { readonly stream: () => ReadableStream<Uint8Array> };

export interface HttpRequest {
  /** http or https; credentials belong in `basic` or `headers`. */
  readonly url: string;
  /** Default GET, POST with a body. */
  readonly method?: HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  /** Basic authentication. */
  readonly basic?: { readonly user: string; readonly password: string };
  readonly body?: HttpBody;
  /** Time limit of one attempt including redirects and the whole response; milliseconds. */
  readonly timeoutMs: number;
  /**
   * Longest time in which the server reads nothing of the body or sends nothing of the response; milliseconds. For transfers, whose `timeoutMs` is
   * long. Default: only `timeoutMs` applies.
   */
  readonly idleMs?: number;
  /**
   * Retries after an attempt that could not connect, was cut off, or was answered by 408, 429, 500, 502, 503 or 504; default 2 for GET, HEAD, PUT and
   * DELETE, 0 for others. Delays grow with full jitter up to 30 s; a Retry-After is obeyed, one over 5 minutes ends the call.
   */
  readonly retries?: number;
  /** Maximum bytes of the response body; default 8 MiB. With `download` no limit unless given. */
  readonly maxBytes?: number;
  /** Default 5; 0: a redirect is an error. */
  readonly maxRedirects?: number;
  /** Statuses that are an answer rather than an error; default 200 to 299. "any" leaves every status to the caller (429 and 5xx are still retried first). */
  readonly accept?: "any" | ((status: number) => boolean);
  /** Destination of the body of an accepted response instead of memory: a file of the host (mode 0600, written beside and renamed) or a writer. */
  readonly download?: { readonly file: string } | { readonly write: (chunk: Uint8Array) => Promise<void> };
  /** Default true. False accepts any certificate: the caller warns the administrator. */
  readonly tlsVerify?: boolean;
  /** Further texts to mask in errors; `basic` and the values of all headers except the usual harmless ones are masked anyway. */
  readonly secrets?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The URL that answered, after redirects. */
  readonly url: string;
  /** Empty with `download`. */
  readonly bytes: Uint8Array;
  /** Bytes of body received. */
  readonly received: number;
  /** The body as UTF-8. */
  text(): string;
  /** The body as JSON; throws {@link HttpError} of kind "not_json". */
  json(): unknown;
}

/** The parts of the machine that the client needs. A `Host` fits. */
export type HttpHost = Pick<Host, "files" | "clock" | "random">;
