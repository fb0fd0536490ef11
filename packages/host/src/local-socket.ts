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
        if (typeof chunk === "string") throw new TypeError("text from a socket without an encoding");
        // Not the Buffer itself: its slice() is a view, and who means to keep a copy would keep the chunk.
        data(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
        release(chunk);
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

/** Frees the memory of a chunk now. Left to the garbage collector, a fast stream holds some 50 MB of chunks that nobody needs. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
