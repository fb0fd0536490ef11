/** Aborts a stalled transfer long before its deadline. */

export interface IdleWatch extends Disposable {
  /** Aborted when the peer was to act and nothing was transferred for `idleMs`. */
  readonly signal: AbortSignal;
  /** Starts the idle timer: we wait for the peer. Call it again after each transfer. */
  arm(): void;
  /** Stops the idle timer: we are busy ourselves, without a limit. */
  rest(): void;
  /** Wraps a stream so that each chunk restarts the idle timer. */
  watched(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
}

/** `idleMs` undefined: no limit. */
export function idleWatch(idleMs: number | undefined): IdleWatch {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const rest = (): void => clearTimeout(timer);
  const arm = (): void => {
    rest();
    if (idleMs !== undefined) timer = setTimeout(() => controller.abort(), idleMs);
  };
  return {
    signal: controller.signal,
    arm,
    rest,
    watched: (stream) => {
      const reader = stream.getReader();
      return new ReadableStream<Uint8Array>({
        pull: async (sink) => {
          // A pull means that the consumer is done with the previous chunk: restart the idle timer.
          arm();
          const { done, value } = await reader.read();
          if (done) sink.close();
          else sink.enqueue(value);
        },
        cancel: (reason) => reader.cancel(reason),
      });
    },
    [Symbol.dispose]: rest,
  };
}
