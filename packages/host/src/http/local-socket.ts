/**
 * A client of a UNIX stream socket that only receives.
 * Invariants: nothing is sent; each chunk is passed on once, in order, before `closed` settles; a chunk is valid only during the call.
 */
export interface LocalConnection {
  /** Settles when the connection ends: undefined when the peer closed it or the signal aborted, otherwise the error. */
  readonly closed: Promise<Error | undefined>;
  close(): void;
}

/**
 * Connects to the socket at the real path `path`. Rejects with the system's error (ENOENT, ECONNREFUSED, EACCES …) or the signal's reason. `data` is
 * called for each chunk; if it throws, the connection is closed and `closed` resolves with that error.
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

/** Frees the memory of a chunk now. If left to the garbage collector, a fast stream accumulates some 50 MB of used chunks. */
function release({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
