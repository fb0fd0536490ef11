/** A streamed response of JSON lines, sent while the handler is running. */

/** Bun 1.4.5 closes a UNIX socket on which nothing is sent for 10 s (oven-sh/bun#43816): an empty line, which readers skip, is sent more often. */
const keepAliveMs = 3000;

/**
 * Ends when `produce` settles; when it throws, `refused(error)` is the last line. A reader that disconnects is not an error: the rest is dropped.
 * `signal` is the request's: aborted when the reader disconnects.
 */
export function jsonLines(
  produce: (send: (value: unknown) => void) => Promise<void>,
  refused: (error: unknown) => unknown,
  signal: AbortSignal,
): Response {
  const encoder = new TextEncoder();
  let open = true;
  let alive: ReturnType<typeof setInterval> | undefined;
  const end = (): void => {
    open = false;
    clearInterval(alive);
  };
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      const send = (text: string): void => {
        if (!open) return;
        try {
          controller.enqueue(encoder.encode(text));
        } catch {
          end(); // the reader disconnected without an abort from the runtime
        }
      };
      signal.addEventListener("abort", end, { once: true });
      alive = setInterval(() => send("\n"), keepAliveMs);
      send("\n");
      try {
        await produce((value) => send(`${JSON.stringify(value)}\n`));
      } catch (error) {
        send(`${JSON.stringify(refused(error))}\n`);
      }
      if (open) controller.close();
      end();
    },
    cancel: end,
  });
  return new Response(stream, { headers: { "content-type": "application/x-ndjson" } });
}
