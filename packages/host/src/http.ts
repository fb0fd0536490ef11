/**
 * HTTP client for everything that leaves the firewall: on the built-in fetch, verified against the system's CA bundle.
 *
 * Invariants: a call ends within its deadline; memory is bounded by `maxBytes`; a redirect never carries credentials, cookies or a
 * body to another origin; no secret of the request appears in an error; a file downloaded is complete or absent.
 */
import type { Host } from "./host.ts";
import { NethsecError } from "./error.ts";

export type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Bodies that can be sent again when a call is retried or redirected with 307/308. */
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
  readonly url: string;
  /** Default GET, POST with a body. */
  readonly method?: HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  /** Basic authentication. */
  readonly basic?: { readonly user: string; readonly password: string };
  readonly body?: HttpBody;
  /** For one attempt, redirects and the whole answer included; milliseconds. */
  readonly timeoutMs: number;
  /** More attempts after a failed one; default 2 for GET, HEAD, PUT and DELETE, 0 for others unless given. Waits grow with full jitter from 1 s to 30 s. */
  readonly retries?: number;
  /** Bytes of answer kept; default 8 MiB. With `download` no limit unless given. */
  readonly maxBytes?: number;
  /** Default 5; 0: a redirect is an error. */
  readonly maxRedirects?: number;
  /** Statuses that are an answer rather than an error; default 200 to 299. "any" leaves every status to the caller (429 and 5xx are still retried first). */
  readonly accept?: "any" | ((status: number) => boolean);
  /** Where the answer's body goes instead of memory: a file of the host (mode 0600, written beside and renamed) or a writer. */
  readonly download?: { readonly file: string } | { readonly write: (chunk: Uint8Array) => Promise<void> };
  /** Default true. False accepts any certificate: the caller warns the administrator. */
  readonly tlsVerify?: boolean;
  /** Further texts that must not appear in an error; the values of authorisation headers and passwords are covered anyway. */
  readonly secrets?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The URL that answered, after redirects; without credentials. */
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

export type HttpErrorKind =
  | "bad_url"
  | "dns"
  | "connect"
  | "tls"
  | "timeout"
  | "status"
  | "too_large"
  | "truncated"
  | "redirect"
  | "not_json"
  | "aborted"
  | "write";

export type TlsReason = "expired" | "not_yet_valid" | "unknown_ca" | "host_name" | "other";

/** `code` is "http_" + kind. */
export class HttpError extends NethsecError {
  readonly kind: HttpErrorKind;
  /** With kind "tls". */
  readonly tls: TlsReason | undefined;
  /** With kind "status". */
  readonly status: number | undefined;
  /** With kind "status": the beginning of the answer's body, at most 4 KiB, secrets masked. */
  readonly body: string | undefined;
  constructor(facts: {
    readonly kind: HttpErrorKind;
    readonly message: string;
    readonly advice?: string;
    readonly tls?: TlsReason;
    readonly status?: number;
    readonly body?: string;
    readonly cause?: unknown;
  }) {
    super({
      code: `http_${facts.kind}`,
      message: facts.message,
      ...(facts.advice === undefined ? {} : { advice: facts.advice }),
      ...(facts.cause === undefined ? {} : { cause: facts.cause }),
    });
    this.kind = facts.kind;
    this.tls = facts.tls;
    this.status = facts.status;
    this.body = facts.body;
  }
}

/** What the client needs of the machine. A `Host` fits. */
export type HttpHost = Pick<Host, "files" | "clock" | "random">;

/** Makes one call, with its retries and redirects. Throws {@link HttpError}. */
export async function httpRequest(_request: HttpRequest, _host: HttpHost): Promise<HttpResponse> {
  throw new Error("being written");
}
