/** Sources of the flow stream's bytes, and netifyd's socket as one of them. A source reconnects by itself without a limit. */
import { backoffMs } from "@nethsec/host/backoff";
import type { Clock } from "@nethsec/host/host";
import { connectLocal } from "@nethsec/host/http/local-socket";
import { messageOf } from "@nethsec/host/message-of";

export interface SourceListener {
  data(chunk: Uint8Array): void;
  connected(): void;
  /** Connecting failed or the connection ended; the next attempt follows after `retryMs`. Without `retryMs`, the source waits for the other end. */
  disconnected(why: string, retryMs?: number): void;
}

/** Runs until the signal aborts; never rejects. */
export type FlowSource = (listener: SourceListener, signal: AbortSignal) => Promise<void>;

const retry = { firstMs: 500, longestMs: 30_000 };
/** After a connection that lasted this long, the backoff starts at its shortest delay. */
const goodMs = 10_000;
/** netifyd sends its status every 15 s: a connection without data for this long is dead. */
const silentMs = 300_000;

/** `path`: netifyd's socket, its real path. */
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

/** Resolves with the reason why the connection ended. */
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
