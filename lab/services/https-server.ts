/** What the lab's controller and portal share: an HTTPS server with the lab's certificate, a record of all requests, and faults on demand. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";

/** One JSON line a request; tests read it. */
export const recordPath = "/var/log/lab-requests.jsonl";

/** How a server misbehaves, chosen by writing one of these words into its fault file. "hostile", "cut" and "stall" are up to each server. */
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
  /** Parsed when it is JSON, else its size in bytes. */
  readonly body: unknown;
  /** As it came; empty when it is streamed. */
  readonly bytes: Uint8Array;
  /** Of the client. */
  readonly address: string;
}

export interface ServerOptions {
  readonly faultPath: string;
  /** Bodies of these paths go to `handle` unread (uploads). */
  readonly streams?: (path: string) => boolean;
  readonly handle: (request: Request, received: Received) => Promise<Response> | Response;
}

/** Port 443 with /etc/lab/tls, or a plain port. */
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
      // To another name of the same server, which records what it is told there.
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
