/**
 * Receives from netifyd's HTTP sink: an HTTP server on the loopback, one message per request (contract netifyd5, "http"). For agents without the
 * plugin that opens a socket.
 *
 * Invariants: accepts only POST of JSON to one path, which contains a secret that only root can read; bodies are bounded; requests of browsers,
 * recognised by their origin headers, are refused; a message answered with 200 has been passed on.
 */
import { backoffMs } from "@nethsec/host/backoff";
import type { Clock } from "@nethsec/host/host";
import { serveHttp, type HttpPeer } from "@nethsec/host/http/http-server";
import { messageOf } from "@nethsec/host/message-of";
import type { FlowSource, SourceListener } from "./flow-source.ts";

export interface Receiver {
  readonly port: number;
  /** "/flows/…". */
  readonly path: string;
}

/** The largest message seen has 2 KB; one with hundreds of risks or tags stays below. */
const maxBodyBytes = 256 * 1024;
const retry = { firstMs: 1000, longestMs: 30_000 };
/** The agent sends something at every tick of 15 s. */
const silentMs = 60_000;
const newline = Uint8Array.of(10);

export function httpSource({ port, path }: Receiver, clock: Clock): FlowSource {
  return async (listener, signal) => {
    let failures = 0;
    while (!signal.aborted) {
      const heard = new Heard(listener, clock);
      try {
        const server = await serveHttp({
          listen: { kind: "tcp", address: "127.0.0.1", port },
          maxRequestBytes: maxBodyBytes,
          handle: (request, peer) => answer(request, peer, path, (body) => heard.message(body)),
          failed: (error) => listener.disconnected(messageOf(error)),
        });
        failures = 0;
        try {
          while (!signal.aborted) {
            await clock.sleep(silentMs / 4, signal).catch(() => undefined);
            heard.look();
          }
        } finally {
          await server.stop();
        }
      } catch (error) {
        failures++;
        const retryMs = backoffMs(failures, retry);
        listener.disconnected(messageOf(error), retryMs);
        await clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  };
}

/** Tracks whether the agent is alive: its requests are the only sign. */
class Heard {
  readonly #listener: SourceListener;
  readonly #clock: Clock;
  #last: number | undefined;

  constructor(listener: SourceListener, clock: Clock) {
    this.#listener = listener;
    this.#clock = clock;
  }

  message(body: Uint8Array): void {
    if (this.#last === undefined) this.#listener.connected();
    this.#last = this.#clock.monotonic();
    this.#listener.data(body);
    this.#listener.data(newline);
  }

  look(): void {
    if (this.#last === undefined || this.#clock.monotonic() - this.#last < silentMs) return;
    this.#last = undefined;
    this.#listener.disconnected(`it has sent nothing for ${silentMs / 1000} s`);
  }
}

async function answer(
  request: Request,
  peer: HttpPeer,
  path: string,
  take: (body: Uint8Array) => void,
): Promise<Response> {
  const { headers, method, url } = request;
  if (peer.address !== "127.0.0.1" || headers.has("origin") || headers.has("sec-fetch-site"))
    return refusal(403, "only programs of this machine may send here");
  if (new URL(url).pathname !== path) return refusal(404, "not found");
  if (method !== "POST") return refusal(405, "only POST");
  const body = new Uint8Array(await request.arrayBuffer());
  if (!isObject(body)) return refusal(400, "the body is no JSON object");
  take(body);
  return new Response(null, { status: 200 });
}

/** Checks only that the body is one object on one line, so that it cannot pass for two messages; the reader parses it. */
function isObject(body: Uint8Array): boolean {
  return body.at(0) === 123 && body.at(-1) === 125 && !body.includes(10);
}

function refusal(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
