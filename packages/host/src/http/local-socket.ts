/**
 * A client of a UNIX stream socket that only listens.
 * Invariants: nothing is sent; each chunk is handed over once, in order, before `closed` settles; the chunk is valid during the call only.
 */
export interface LocalConnection {
  /** Settles when the connection is over: undefined when the other end closed it or the signal aborted, else what went wrong. */
  readonly closed: Promise<Error | undefined>;
  close(): void;
}

/**
 * Connects to the socket at the real path `path`. Rejects with the system's error (ENOENT, ECONNREFUSED, EACCES …) or the signal's reason.
 * `data` is called for each chunk; an exception in it closes the connection and is what `closed` tells.
 */
export async function connectLocal(
  path: string,
  data: (chunk: Uint8Array) => void,
  signal: AbortSignal,
): Promise<LocalConnection> {
  signal.throwIfAborted();
  let trouble: Error | undefined;
  const closed = Promise.withResolvers<Error | undefined>();
  const socket = await Bun.connect({
    unix: path,
    socket: {
      binaryType: "uint8array",
      data(from, chunk) {
        try {
          data(chunk);
          release(chunk);
        } catch (error) {
          trouble = error instanceof Error ? error : new Error(String(error));
          from.terminate();
        }
      },
      error(_, error) {
        trouble = error;
      },
      close() {
        signal.removeEventListener("abort", stop);
        closed.resolve(trouble);
      },
    },
  });
  const stop = (): void => socket.terminate();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  return { closed: closed.promise, close: stop };
}

/** Frees the memory of a chunk now. Left to the garbage collector, a fast stream holds some 50 MB of chunks that nobody needs. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
