/** Reads a stream to its end and keeps at most `limit` bytes; the rest is read and dropped, so that the writer is not blocked. */

export interface Collected {
  /** Settles at the end of the stream, or after `stop`. */
  readonly done: Promise<void>;
  /** The kept bytes, as UTF-8. */
  text(): string;
  truncated(): boolean;
  /** Bytes read so far, including dropped ones. */
  received(): number;
  /** Stops reading. */
  stop(): void;
}

export function collectOutput(stream: ReadableStream<Uint8Array>, limit: number): Collected {
  const chunks: Uint8Array[] = [];
  let kept = 0;
  let received = 0;
  const reader = stream.getReader();
  const read = async (): Promise<void> => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const chunk = part.value.subarray(0, limit - kept);
      if (chunk.length > 0) chunks.push(chunk);
      kept += chunk.length;
      received += part.value.length;
    }
  };
  return {
    done: read(),
    text: () => Buffer.concat(chunks).toString("utf8"),
    truncated: () => received > kept,
    received: () => received,
    stop: () => void reader.cancel().catch(() => undefined),
  };
}
