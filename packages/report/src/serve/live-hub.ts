/**
 * Sends the live hour to connected browsers (server-sent events, HTML standard section 9.2).
 *
 * Invariants: nothing is read while no browser is connected; the number of readers and the queue of each are bounded: a reader that falls behind is
 * disconnected; the page is drawn once for all readers.
 */
import type { Clock } from "@nethsec/host/host";
import type { Html } from "../web/html.ts";

const maxReaders = 32;
const lookEveryMs = 2000;
/** Heartbeat interval, well within the server's idle limit (10 s on a UNIX socket). */
const heartbeatMs = 5000;
/** Most chunks queued for one reader. */
const maxQueue = 8;

export interface LiveHubNeeds {
  readonly clock: Pick<Clock, "sleep" | "monotonic">;
  /** Changes when there is something new to draw. Cheap. */
  readonly mark: () => string;
  readonly draw: () => Promise<Html>;
  readonly failed: (error: unknown) => void;
  /** Ends the hub and its streams. */
  readonly signal: AbortSignal;
}

type Reader = ReadableStreamDefaultController<Uint8Array>;

export class LiveHub {
  readonly #needs: LiveHubNeeds;
  readonly #readers = new Set<Reader>();
  #watching = false;

  constructor(needs: LiveHubNeeds) {
    this.#needs = needs;
  }

  /** A stream of events, beginning with the current state; undefined when there are too many readers. */
  async subscribe(): Promise<ReadableStream<Uint8Array> | undefined> {
    if (this.#readers.size >= maxReaders) return undefined;
    // Take the mark before drawing: a change in between is then drawn twice rather than missed.
    const mark = this.#needs.mark();
    const first = eventText(await this.#needs.draw());
    let reader: Reader | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = controller;
          this.#readers.add(controller);
          controller.enqueue(encode(`retry: 5000\n${first}`));
          if (!this.#watching) void this.#watch(mark);
        },
        cancel: () => {
          if (reader !== undefined) this.#readers.delete(reader);
        },
      },
      { highWaterMark: maxQueue },
    );
  }

  get readers(): number {
    return this.#readers.size;
  }

  async #watch(drawn: string): Promise<void> {
    this.#watching = true;
    const { clock, signal } = this.#needs;
    let mark = drawn;
    let spokenAt = clock.monotonic();
    while (this.#readers.size > 0 && !signal.aborted) {
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      try {
        const now = this.#needs.mark();
        const fresh = now === mark ? undefined : eventText(await this.#needs.draw());
        mark = now;
        if (fresh === undefined && clock.monotonic() - spokenAt < heartbeatMs) continue;
        this.#send(fresh ?? ": still here\n\n");
        spokenAt = clock.monotonic();
      } catch (error) {
        this.#needs.failed(error);
      }
    }
    if (signal.aborted) for (const reader of this.#readers) this.#letGo(reader);
    this.#watching = false;
  }

  #send(text: string): void {
    const bytes = encode(text);
    for (const reader of this.#readers) {
      if ((reader.desiredSize ?? 0) <= 0) this.#letGo(reader);
      else reader.enqueue(bytes);
    }
  }

  #letGo(reader: Reader): void {
    this.#readers.delete(reader);
    try {
      reader.close();
    } catch {
      // The browser had already closed the stream.
    }
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function eventText(fragment: Html): string {
  return `event: hour\n${fragment.markup
    .split("\n")
    .map((line) => `data: ${line}\n`)
    .join("")}\n`;
}
