/**
 * A client of a UNIX stream socket that only listens.
 * Invariants: nothing is sent; each chunk is handed over once, in order, before `closed` settles; the chunk is valid during the call only.
 */
import { createConnection } from "node:net";

export interface LocalConnection {
  /** Settles when the connection is over: undefined when the other end closed it or the signal aborted, else what went wrong. */
  readonly closed: Promise<Error | undefined>;
  close(): void;
}

/**
 * Connects to the socket at the real path `path`. Rejects with the system's error (ENOENT, ECONNREFUSED, EACCES …) or the signal's reason.
 * `data` is called for each chunk; an exception in it closes the connection and is what `closed` tells.
 */
export function connectLocal(
  path: string,
  data: (chunk: Uint8Array) => void,
  signal: AbortSignal,
): Promise<LocalConnection> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = createConnection({ path });
    let trouble: Error | undefined;
    let connected = false;
    const closed = Promise.withResolvers<Error | undefined>();
    const stop = (): void => void socket.destroy();
    signal.addEventListener("abort", stop, { once: true });
    socket.on("connect", () => {
      connected = true;
      resolve({ closed: closed.promise, close: stop });
    });
    socket.on("data", (chunk) => {
      try {
        data(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on("error", (error) => {
      trouble = error;
    });
    socket.on("close", () => {
      signal.removeEventListener("abort", stop);
      if (connected) closed.resolve(trouble);
      else reject(trouble ?? (signal.aborted ? signal.reason : new Error(`${path}: closed before it was open`)));
    });
  });
}
