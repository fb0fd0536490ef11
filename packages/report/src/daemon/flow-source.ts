/** Where bytes of the flow stream come from, and netifyd's socket as one. A source connects again by itself, for ever. */
import { backoffMs } from "@nethsec/host/backoff";
import type { Clock } from "@nethsec/host/host";
import { connectLocal } from "@nethsec/host/http/local-socket";
import { messageOf } from "@nethsec/host/message-of";

export interface SourceListener {
  data(chunk: Uint8Array): void;
  connected(): void;
  /** Connecting failed or the connection ended; another attempt follows after `retryMs`. Without it, the other end is waited for. */
  disconnected(why: string, retryMs?: number): void;
}

/** Runs until the signal aborts; never rejects. */
export type FlowSource = (listener: SourceListener, signal: AbortSignal) => Promise<void>;

const retry = { firstMs: 500, longestMs: 30_000 };
/** A connection that held for so long was a good one: the next attempt comes soon. */
const goodMs = 10_000;
/** netifyd tells its status every 15 s: a connection silent for so long is dead. */
const silentMs = 300_000;

/** `path`: netifyd's socket, the real path. */
export function netifydSource(path: string, clock: Clock): FlowSource {
  return async (listener, signal) => {
    let failures = 0;
    while (!signal.aborted) {
      const began = clock.monotonic();
      const why = await oneConnection(path, clock, listener, signal);
      if (signal.aborted) return;
      failures = clock.monotonic() - began >= goodMs ? 1 : failures + 1;
      const retryMs = backoffMs(failures, retry);
      listener.disconnected(why, retryMs);
      await clock.sleep(retryMs, signal).catch(() => undefined);
    }
  };
}

/** Why it ended. */
async function oneConnection(
  path: string,
  clock: Clock,
  listener: SourceListener,
  signal: AbortSignal,
): Promise<string> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  let heard = clock.monotonic();
  try {
    const hear = (chunk: Uint8Array): void => {
      heard = clock.monotonic();
      listener.data(chunk);
    };
    const connection = await connectLocal(path, hear, either);
    listener.connected();
    const silent = (async () => {
      while (clock.monotonic() - heard < silentMs) await clock.sleep(silentMs - (clock.monotonic() - heard), either);
      connection.close();
      return `silent for ${silentMs / 1000} s`;
    })().catch(() => "");
    const error = await connection.closed;
    over.abort();
    return (await silent) || error?.message || "closed by the other end";
  } catch (error) {
    return messageOf(error);
  }
}
