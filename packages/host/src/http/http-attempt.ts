/**
 * One attempt of an HTTP call: redirects, deadline, response body.
 * Invariant: a thrown error is final; a returned error may be retried.
 */
import { FileError, fileError } from "../files/file-error.ts";
import { caBundle } from "./ca-bundle.ts";
import type { HttpBody, HttpHost, HttpMethod, HttpRequest, HttpResponse } from "./http-request.ts";
import { connectionError, HttpError, type HttpFacts } from "./http-error.ts";
import { type IdleWatch, idleWatch } from "./idle-watch.ts";
import { beginReplacement } from "../files/replacement.ts";
import { retryAfter } from "./retry-after.ts";
import { maskSecrets } from "../process/run-error.ts";
import { version } from "../version.ts";

type Attempt = HttpRequest & { readonly method: HttpMethod };

const defaultMaxBytes = 8 * 1024 * 1024;
const excerptBytes = 4096;
const retried: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Headers without secrets, which may be sent to another origin. */
const harmless: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "content-type",
  "content-length",
  "user-agent",
  "range",
]);

/** `last`: no retry is left, so a retryable status is final. */
export async function attempt(request: Attempt, host: HttpHost, last: boolean): Promise<HttpResponse | HttpError> {
  using idle = idleWatch(request.idleMs);
  const call = new Exchange(request, host, last, idle);
  try {
    return await call.run();
  } catch (thrown) {
    if (!(thrown instanceof HttpError)) throw thrown;
    if (last || !call.mayRetry(thrown)) throw thrown;
    return thrown;
  }
}

class Exchange {
  readonly #request: Attempt;
  readonly #host: HttpHost;
  readonly #last: boolean;
  readonly #secrets: readonly string[];
  readonly #deadline: AbortSignal;
  readonly #idle: IdleWatch;
  readonly #cancel = new AbortController();
  readonly #signal: AbortSignal;
  /** Bytes already passed to a writer, which rules out a retry. */
  #delivered = 0;
  #method: HttpMethod;
  #url: URL;

  constructor(request: Attempt, host: HttpHost, last: boolean, idle: IdleWatch) {
    this.#request = request;
    this.#host = host;
    this.#last = last;
    this.#secrets = secretsOf(request);
    this.#deadline = AbortSignal.timeout(request.timeoutMs);
    this.#idle = idle;
    const signals = [this.#deadline, idle.signal, this.#cancel.signal];
    this.#signal = AbortSignal.any(request.signal === undefined ? signals : [...signals, request.signal]);
    this.#method = request.method;
    this.#url = parseUrl(request.url);
  }

  mayRetry(error: HttpError): boolean {
    if (this.#delivered > 0) return false;
    if (error.kind === "status") return retried.has(error.status ?? 0);
    return ["dns", "connect", "timeout", "truncated"].includes(error.kind);
  }

  async run(): Promise<HttpResponse> {
    const origin = this.#url.origin;
    let body = this.#request.body;
    for (let hops = 0; ; hops += 1) {
      const response = await this.#send(body, this.#url.origin === origin);
      if (!redirects.has(response.status)) return this.#answer(response);
      await response.body?.cancel();
      const target = this.#redirectTarget(response, hops);
      if (response.status === 303 || (response.status < 303 && this.#method === "POST")) {
        if (this.#method !== "HEAD") this.#method = "GET";
        body = undefined;
      }
      if (body !== undefined && target.origin !== origin) {
        throw this.#error({
          kind: "redirect",
          message: `the server wants the data to be sent to another server, ${target.origin}`,
        });
      }
      this.#url = target;
    }
  }

  async #send(body: HttpBody | undefined, home: boolean): Promise<Response> {
    const { payload, headers: bodyHeaders } = openBody(body, this.#host);
    const headers = this.#headers(bodyHeaders, home);
    this.#idle.arm();
    try {
      return await fetch(this.#url, {
        method: this.#method,
        headers,
        body: payload instanceof ReadableStream ? this.#idle.watched(payload) : payload,
        redirect: "manual",
        // Use a fresh connection: one that was made without verification must not be reused.
        keepalive: false,
        signal: this.#signal,
        tls: this.#tls(),
        // Our own deadline applies.
        timeout: false,
      } satisfies BunFetchRequestInit & { timeout: boolean });
    } catch (thrown) {
      throw this.#failure(thrown, (what) => connectionError(what, thrown));
    } finally {
      this.#idle.rest();
    }
  }

  /** `home`: at the origin that the caller named; for other origins only headers without secrets are sent. */
  #headers(ofBody: Readonly<Record<string, string>>, home: boolean): Headers {
    const headers = new Headers({ "user-agent": `nethsec/${version}`, "accept-encoding": "identity" });
    for (const [name, value] of Object.entries({ ...ofBody, ...lowerCase(this.#request.headers ?? {}) })) {
      // Checked here, because the runtime's error message would quote the value.
      if (!/^[\w-]+$/.test(name) || /[^\t\u0020-\u007e\u0080-\u00ff]/.test(value)) {
        throw this.#error({
          kind: "bad_header",
          message: `the header ${JSON.stringify(name)} has characters that no header may have`,
        });
      }
      if (home || harmless.has(name)) headers.set(name, value);
    }
    if (home && this.#request.basic !== undefined) headers.set("authorization", basicHeader(this.#request.basic));
    return headers;
  }

  #tls(): Bun.TLSOptions {
    if (this.#request.tlsVerify === false) return { rejectUnauthorized: false };
    const bundle = caBundle(this.#host.files);
    if (bundle === undefined || this.#url.protocol === "http:") return { rejectUnauthorized: true };
    if (!bundle.empty) return { rejectUnauthorized: true, ca: bundle.text };
    throw this.#error({
      kind: "tls",
      tls: "unknown_ca",
      message: `there is no certificate in ${bundle.path}`,
      advice: "Install the system's authorities again (package ca-bundle or ca-certificates).",
    });
  }

  #redirectTarget(response: Response, hops: number): URL {
    if (hops >= (this.#request.maxRedirects ?? 5))
      throw this.#error({ kind: "redirect", message: `redirected too often (${hops + 1} times)` });
    const location = response.headers.get("location");
    const target = location === null ? null : URL.parse(location, this.#url.href);
    if (target === null || (target.protocol !== "https:" && target.protocol !== "http:")) {
      throw this.#error({ kind: "redirect", message: "redirected to something that is no web address" });
    }
    if (this.#url.protocol === "https:" && target.protocol === "http:") {
      throw this.#error({ kind: "redirect", message: `redirected from HTTPS to plain HTTP on ${target.host}` });
    }
    target.username = "";
    target.password = "";
    return target;
  }

  async #answer(response: Response): Promise<HttpResponse> {
    const { accept } = this.#request;
    const { status } = response;
    const accepted =
      accept === "any" ? this.#last || !retried.has(status) : accept === undefined ? response.ok : accept(status);
    if (!accepted) {
      const excerpt = await this.#collect(response, excerptBytes, true).catch(() => new Uint8Array());
      throw this.#error({
        kind: "status",
        status,
        message: `the server answered ${status}${response.statusText === "" ? "" : ` ${response.statusText.slice(0, 100)}`}`,
        body: maskSecrets(Buffer.from(excerpt).toString("utf8"), this.#secrets),
        retryAfterMs: retryAfter(response.headers.get("retry-after"), this.#host.clock.now()),
      });
    }
    const { download, maxBytes } = this.#request;
    let received = 0;
    let bytes = new Uint8Array();
    if (download === undefined) {
      bytes = await this.#collect(response, maxBytes ?? defaultMaxBytes, false);
      received = bytes.length;
    } else if (response.body !== null && !tellsItsEnd(response)) {
      // Without a length the end of the body and a cut connection look the same: a partial file must not pass for a whole one.
      this.#cancel.abort();
      throw this.#error({ kind: "truncated", message: "the server does not say how long the file is" });
    } else if ("file" in download) received = await this.#toFile(response, download.file);
    else
      received = await this.#read(response, maxBytes ?? Infinity, async (chunk) => {
        this.#delivered += chunk.length;
        await download.write(chunk);
      });
    const text = (): string => Buffer.from(bytes).toString("utf8");
    return {
      status,
      headers: response.headers,
      url: this.#url.href,
      bytes,
      received,
      text,
      json: () => this.#json(text()),
    };
  }

  async #toFile(response: Response, path: string): Promise<number> {
    const attempted = <T>(work: () => T): T => {
      try {
        return work();
      } catch (thrown) {
        throw fileError("write", path, thrown);
      }
    };
    const file = attempted(() => beginReplacement(this.#host.files.real(path), path, 0o600));
    let received: number;
    try {
      received = await this.#read(response, this.#request.maxBytes ?? Infinity, (chunk) =>
        attempted(() => file.write(chunk)),
      );
    } catch (thrown) {
      // After a failed write the temporary file is removed already.
      if (!(thrown instanceof FileError)) file.discard();
      throw thrown;
    }
    attempted(() => file.commit());
    return received;
  }

  async #collect(response: Response, limit: number, cut: boolean): Promise<Uint8Array<ArrayBuffer>> {
    const chunks: Uint8Array[] = [];
    let kept = 0;
    await this.#read(response, cut ? Infinity : limit, (chunk) => {
      const part = chunk.subarray(0, limit - kept);
      chunks.push(part);
      kept += part.length;
      return cut && kept >= limit;
    });
    return new Uint8Array(Buffer.concat(chunks));
  }

  /** Passes each chunk to `take` until the end, or until it returns true; returns the bytes received. */
  async #read(
    response: Response,
    limit: number,
    take: (chunk: Uint8Array) => Promise<void> | boolean | void,
  ): Promise<number> {
    if (Number(response.headers.get("content-length") ?? 0) > limit) throw this.#tooLarge(limit);
    const reader = response.body?.getReader();
    if (reader === undefined) return 0;
    let received = 0;
    for (;;) {
      this.#idle.arm();
      const part = await reader.read().catch((thrown: unknown) => {
        throw this.#failure(
          thrown,
          (what) =>
            new HttpError({ kind: "truncated", message: `${what}: the answer was cut off after ${received} bytes` }),
        );
      });
      this.#idle.rest();
      if (part.done) return received;
      received += part.value.length;
      if (received > limit) throw this.#tooLarge(limit);
      if ((await take(part.value)) === true) {
        this.#cancel.abort();
        return received;
      }
    }
  }

  #tooLarge(limit: number): HttpError {
    this.#cancel.abort();
    return this.#error({ kind: "too_large", message: `the answer is larger than ${limit} bytes` });
  }

  /** The cause of the failure: the caller's abort, the deadline, or else `otherwise`. */
  #failure(thrown: unknown, otherwise: (what: string) => HttpError): HttpError {
    if (thrown instanceof HttpError) return thrown;
    if (this.#request.signal?.aborted === true)
      return this.#error({ kind: "aborted", message: "the call was stopped" });
    if (this.#idle.signal.aborted) {
      return this.#error({
        kind: "timeout",
        message: `nothing moved for ${(this.#request.idleMs ?? 0) / 1000} s`,
        advice: "Check the line to the server; then try again.",
      });
    }
    if (this.#deadline.aborted) {
      return this.#error({
        kind: "timeout",
        message: `no complete answer within ${this.#request.timeoutMs / 1000} s`,
        advice: "Check the route to the server, and whether it is overloaded.",
      });
    }
    return otherwise(this.#what());
  }

  #json(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      // Strip the response's control characters before it is shown on a terminal.
      const shown = maskSecrets(text.slice(0, 80), this.#secrets).replaceAll(/\p{C}+/gu, " ");
      throw this.#error({ kind: "not_json", message: `the answer is not JSON: ${shown}` });
    }
  }

  #error(facts: HttpFacts): HttpError {
    return new HttpError({ ...facts, message: `${this.#what()}: ${facts.message}` });
  }

  /** The method and URL for messages; without the query, which may contain secrets. */
  #what(): string {
    return maskSecrets(`${this.#method} ${this.#url.origin}${this.#url.pathname}`, this.#secrets);
  }
}

const tellsItsEnd = ({ headers }: Response): boolean =>
  headers.has("content-length") || headers.get("transfer-encoding")?.toLowerCase().includes("chunked") === true;

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  const problem =
    url === null || (url.protocol !== "http:" && url.protocol !== "https:")
      ? "it must begin with https:// (or http://) and a host name"
      : url.username !== "" || url.password !== ""
        ? "it must not contain a user name or password"
        : undefined;
  if (url !== null && problem === undefined) return url;
  throw new HttpError({
    kind: "bad_url",
    message: `The address of the server is wrong: ${problem}`,
    advice: "Correct the address, e.g. https://controller.example.org",
  });
}

function openBody(
  body: HttpBody | undefined,
  host: HttpHost,
): { payload: Bun.BodyInit | null; headers: Record<string, string> } {
  if (body === undefined) return { payload: null, headers: {} };
  if (typeof body === "string") return { payload: body, headers: {} };
  if (body instanceof Uint8Array) return { payload: new Uint8Array(body), headers: {} };
  if ("json" in body) return { payload: JSON.stringify(body.json), headers: { "content-type": "application/json" } };
  if ("stream" in body) return { payload: body.stream(), headers: {} };
  const file = Bun.file(host.files.real(body.file));
  const size = host.files.stat(body.file, { follow: true })?.size;
  if (size === undefined)
    throw new FileError({
      path: body.file,
      code: "no_such_file",
      errno: "ENOENT",
      message: `Cannot send ${body.file}: it does not exist`,
    });
  // As a stream: over TLS the runtime reads a file body into memory.
  return {
    payload: file.stream(),
    headers: { "content-length": String(size), "content-type": "application/octet-stream" },
  };
}

function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function basicHeader({ user, password }: { user: string; password: string }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function secretsOf(request: HttpRequest): string[] {
  const headers = Object.entries(lowerCase(request.headers ?? {})).flatMap(([name, value]) =>
    harmless.has(name) ? [] : [value, ...value.split(/\s+/)],
  );
  const basic =
    request.basic === undefined ? [] : [request.basic.password, basicHeader(request.basic).slice("Basic ".length)];
  // Longest first: a secret may contain another one. Short words ("token", "Bearer") are not secrets.
  return [...headers, ...basic, ...(request.secrets ?? [])]
    .filter((text) => text.length > 6 || request.secrets?.includes(text) === true || request.basic?.password === text)
    .toSorted((a, b) => b.length - a.length);
}
