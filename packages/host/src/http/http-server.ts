/**
 * A small HTTP server around a pure `handle(request)`: on an address of this machine (with TLS when a certificate is given) or on a UNIX socket.
 *
 * Invariants: a request has a bounded body and time, and a valid URL; an exception in `handle` gives a 500 without details and is passed to `failed`;
 * text is compressed when the client accepts it; a stale UNIX socket is replaced, one in use is not.
 */
import { messageOf } from "../message-of.ts";
import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { NethsecError } from "../error.ts";
import { connectLocal } from "./local-socket.ts";

export type ListenAddress =
  | {
      readonly kind: "tcp";
      /** An IP address of this machine. */
      readonly address: string;
      /** 0: any free one. */
      readonly port: number;
      /** PEM texts. */
      readonly tls?: { readonly certificate: string; readonly key: string };
    }
  | {
      readonly kind: "unix";
      /** Path on this machine. */
      readonly path: string;
      /** Permissions of the socket, e.g. 0o660. */
      readonly mode: number;
    };

export interface HttpPeer {
  /** IP address of the other end; "unix" on a UNIX socket. */
  readonly address: string;
  /** True when the connection itself is encrypted. */
  readonly tls: boolean;
}

export interface HttpServerOptions {
  readonly listen: ListenAddress;
  readonly handle: (request: Request, peer: HttpPeer) => Promise<Response>;
  /** Called with an exception thrown by `handle`. */
  readonly failed: (error: unknown, request: Request) => void;
  /** Bytes of a request's body; default 64 KiB. */
  readonly maxRequestBytes?: number;
}

export interface HttpServer {
  /** Where it listens: "http://127.0.0.1:8090", or "unix:/var/run/x.sock". */
  readonly url: string;
  /** The port taken; 0 on a UNIX socket. */
  readonly port: number;
  /** Closes the socket and every connection, streams included; removes the UNIX socket. */
  stop(): Promise<void>;
}

/**
 * Seconds without a byte in either direction after which a connection is closed. On a UNIX socket Bun 1.4.5 closes after 10 s regardless of this
 * setting (oven-sh/bun#43816): streams must send something more often than that.
 */
const idleSeconds = 60;

/** Starts listening. Throws {@link NethsecError} `listen_failed` when the address is not available. */
export async function serveHttp(options: HttpServerOptions): Promise<HttpServer> {
  const { listen } = options;
  if (listen.kind === "unix") await freeSocketPath(listen.path);
  const server = start(options);
  if (listen.kind === "unix") chmodSync(listen.path, listen.mode);
  const port = server.port ?? 0;
  return {
    url: listen.kind === "unix" ? `unix:${listen.path}` : tcpUrl(listen, port),
    port,
    stop: async () => {
      await server.stop(true);
      if (listen.kind === "unix") rmSync(listen.path, { force: true });
    },
  };
}

function start(options: HttpServerOptions): Bun.Server<undefined> {
  const { listen } = options;
  const tls = listen.kind === "tcp" && listen.tls !== undefined;
  const fetch = async (request: Request, server: Bun.Server<undefined>): Promise<Response> => {
    if (!isWellAddressed(request)) return badRequest();
    const peer = { address: listen.kind === "unix" ? "unix" : (server.requestIP(request)?.address ?? "unknown"), tls };
    try {
      return compressed(request, await options.handle(request, peer));
    } catch (error) {
      options.failed(error, request);
      return new Response("internal error\n", {
        status: 500,
        headers: { "content-type": "text/plain; charset=utf-8" },
      });
    }
  };
  const common = { fetch, development: false, maxRequestBodySize: options.maxRequestBytes ?? 64 * 1024 };
  // A UNIX socket gets its permissions from the umask: restrictive at first, then widened by chmod.
  const umask = process.umask(0o177);
  try {
    if (listen.kind === "unix") return Bun.serve({ ...common, unix: listen.path });
    // Without reusePort: false Bun shares the port with other processes of this user when `development` is off (oven-sh/bun#1443).
    const tlsOption = listen.tls === undefined ? {} : { tls: { cert: listen.tls.certificate, key: listen.tls.key } };
    return Bun.serve({
      ...common,
      ...tlsOption,
      reusePort: false,
      idleTimeout: idleSeconds,
      hostname: listen.address,
      port: listen.port,
    });
  } catch (error) {
    throw new NethsecError({
      code: "listen_failed",
      message: `Cannot listen on ${listen.kind === "unix" ? listen.path : `${listen.address} port ${listen.port}`}: ${reason(error)}.`,
      advice: "Check that the address belongs to this machine and that nothing else listens there (netstat -ltn).",
      cause: error,
    });
  } finally {
    process.umask(umask);
  }
}

/** RFC 3986 section 3.2.2 without the parts that names of our servers never have: percent signs, user names, sub-delimiters. */
const hostHeader = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{0,5})?$/;

/** RFC 9112 section 3.2: a request with several `Host` lines, or with an invalid one, is answered by 400. Its URL cannot be parsed either. */
function isWellAddressed(request: Request): boolean {
  return hostHeader.test(request.headers.get("host") ?? "") && URL.canParse(request.url);
}

function badRequest(): Response {
  return new Response("the request names no valid host\n", {
    status: 400,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

function tcpUrl(listen: { readonly address: string; readonly tls?: unknown }, port: number): string {
  const host = listen.address.includes(":") ? `[${listen.address}]` : listen.address;
  return `${listen.tls === undefined ? "http" : "https"}://${host}:${port}`;
}

function reason(error: unknown): string {
  return messageOf(error).replace(/[.?!]+$/, "");
}

/** Removes the socket of a killed process; throws when a server answers on it or it is not a socket. */
async function freeSocketPath(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new NethsecError({
      code: "listen_failed",
      message: `Cannot listen on ${path}: it exists and is not a socket.`,
      advice: "Choose another path, or remove what is there.",
    });
  }
  if (await answers(path)) {
    throw new NethsecError({
      code: "listen_failed",
      message: `Cannot listen on ${path}: another process listens there.`,
      advice: "Stop the other process first, or choose another path.",
    });
  }
  rmSync(path);
}

/** False only if the connection is refused: a socket with a full backlog, or of another user, counts as in use. */
async function answers(path: string): Promise<boolean> {
  try {
    const connection = await connectLocal(path, () => undefined, new AbortController().signal);
    connection.close();
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ECONNREFUSED");
  }
}

/** Content types worth compressing; event streams are excluded, since a compressor would delay them. */
const compressible = /^(text\/(html|css|csv|javascript|plain)|application\/(json|openmetrics-text)|image\/svg)/;
const worthBytes = 1024;

async function compressed(request: Request, response: Response): Promise<Response> {
  const type = response.headers.get("content-type") ?? "";
  if (!compressible.test(type) || response.body === null || response.headers.has("content-encoding")) return response;
  const headers = new Headers(response.headers);
  headers.append("vary", "accept-encoding");
  const init = { status: response.status, statusText: response.statusText, headers };
  if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")) return new Response(response.body, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.byteLength < worthBytes) return new Response(bytes, init);
  headers.set("content-encoding", "gzip");
  return new Response(Bun.gzipSync(bytes), init);
}
