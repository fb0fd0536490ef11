/** Notices a transfer in which nothing moves any more, long before its deadline. */

export interface IdleWatch extends Disposable {
  /** Aborted when too long nothing moved while the other side had its turn. */
  readonly signal: AbortSignal;
  /** From now on the other side has its turn; again whenever something moved. */
  arm(): void;
  /** It is our own turn: that may take as long as it wants. */
  rest(): void;
  /** The same stream, each of whose pieces counts as movement. */
  watched(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array>;
}

/** `idleMs` undefined: never. */
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
