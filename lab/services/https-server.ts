/** HTTPS server of the lab's controller and portal: uses the lab's certificate, records all requests, and simulates faults on demand. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";

/** One JSON line per request; read by tests. */
export const recordPath = "/var/log/lab-requests.jsonl";

/** Faults, selected by writing one of these words into a server's fault file. "hostile", "cut" and "stall" are implemented by each server. */
export const faults = [
  "none",
  "500",
  "429",
  "garbage",
  "html",
  "truncated",
  "slow",
  "endless",
  "redirect",
  "hostile",
  "409",
  "cut",
  "stall",
] as const;
export type Fault = (typeof faults)[number];

export function readFault(path: string): Fault {
  const word = existsSync(path) ? readFileSync(path, "utf8").trim() : "none";
  return faults.find((fault) => fault === word) ?? "none";
}

export interface Received {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body when it is JSON, else its size in bytes. */
  readonly body: unknown;
  /** The raw body; empty when it is streamed. */
  readonly bytes: Uint8Array;
  /** The client's IP address. */
  readonly address: string;
}

export interface ServerOptions {
  readonly faultPath: string;
  /** True for paths whose bodies are left unread for `handle` to stream (uploads). */
  readonly streams?: (path: string) => boolean;
  readonly handle: (request: Request, received: Received) => Promise<Response> | Response;
}

/** Serves HTTPS on port 443 with the certificate in /etc/lab/tls, or plain HTTP on `plainPort`. */
export function serve(options: ServerOptions, plainPort?: number): void {
  mkdirSync("/var/log", { recursive: true });
  Bun.serve({
    port: plainPort ?? 443,
    hostname: "::",
    idleTimeout: 255,
    maxRequestBodySize: 4 * 1024 ** 3,
    ...(plainPort === undefined
      ? { tls: { cert: readFileSync("/etc/lab/tls/cert.pem"), key: readFileSync("/etc/lab/tls/key.pem") } }
      : {}),
    fetch: async (request, server) => {
      const url = new URL(request.url);
      const streamed = options.streams?.(url.pathname) === true;
      const bytes = streamed ? new Uint8Array() : await request.bytes();
      const record = {
        method: request.method,
        host: url.hostname,
        path: url.pathname + url.search,
        headers: Object.fromEntries(request.headers),
        body: streamed ? undefined : parseBody(Buffer.from(bytes).toString()),
      };
      appendFileSync(recordPath, `${JSON.stringify({ at: Date.now(), ...record })}\n`, { mode: 0o600 });
      const received: Received = { ...record, bytes, address: server.requestIP(request)?.address ?? "" };
      return misbehave(readFault(options.faultPath), request) ?? options.handle(request, received);
    },
  });
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text.length;
  }
}

export const jsonResponse = (status: number, body: unknown): Response => Response.json(body, { status });

function misbehave(fault: Fault, request: Request): Response | undefined {
  switch (fault) {
    case "500":
      return new Response("internal error", { status: 500 });
    case "429":
      return new Response("slow down", { status: 429, headers: { "Retry-After": "1" } });
    case "409":
      return jsonResponse(409, { code: 409, message: "duplicate unit", data: null });
    case "garbage":
      return new Response(crypto.getRandomValues(new Uint8Array(5000)), {
        headers: { "Content-Type": "application/json" },
      });
    case "html":
      return new Response("<html><body>Welcome to the captive portal</body></html>", {
        headers: { "Content-Type": "text/html" },
      });
    case "truncated":
      return new Response('{"code": 200, "data": {"host": "contr', { headers: { "Content-Type": "application/json" } });
    case "redirect":
      // Redirect to another host name of this server: the record then shows whether the client sent anything there.
      return new URL(request.url).pathname === "/stolen"
        ? jsonResponse(200, {})
        : new Response(null, { status: 302, headers: { Location: "https://my.nethserver.com/stolen" } });
    case "slow":
      return drip(1, 1000);
    case "endless":
      return drip(65_536, 0);
    default:
      return undefined;
  }
}

/** A body that never ends: `size` bytes every `everyMs`. */
function drip(size: number, everyMs: number): Response {
  const chunk = new Uint8Array(size).fill(0x20);
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (everyMs > 0) await Bun.sleep(everyMs);
      controller.enqueue(chunk);
    },
  });
  return new Response(body, { headers: { "Content-Type": "application/json" } });
}
