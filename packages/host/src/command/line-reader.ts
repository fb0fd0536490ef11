/** Reads lines, then the rest, from one stream of bytes. Memory is bounded by the longest line allowed. */
import { NethsecError } from "../error.ts";

export interface LineReader {
  /** The next line without its newline (or CR LF); undefined at the end. At most 64 KiB. */
  line(): Promise<string | undefined>;
  /** The next byte; undefined at the end. */
  byte(): Promise<number | undefined>;
  /** Everything left, as text; throws "input_too_large" over `maxBytes`. */
  all(maxBytes: number): Promise<string>;
  /** Everything left, as a stream. */
  rest(): ReadableStream<Uint8Array>;
}

const longestLine = 64 * 1024;

export function lineReader(stream: ReadableStream<Uint8Array>): LineReader {
  const reader = stream.getReader();
  let pending: Buffer = Buffer.alloc(0);
  let ended = false;

  /** Reads one more chunk; false at the end. */
  const more = async (): Promise<boolean> => {
    if (ended) return false;
    const part = await reader.read();
    ended = part.done;
    if (part.value !== undefined) pending = Buffer.concat([pending, part.value]);
    return !ended;
  };
  const take = (bytes: number): Buffer => {
    const taken = pending.subarray(0, bytes);
    pending = pending.subarray(bytes);
    return taken;
  };

  return {
    line: async () => {
      while (!pending.includes(10) && (await more())) {
        if (pending.length > longestLine) throw tooLarge(longestLine);
      }
      const at = pending.indexOf(10);
      if (at < 0 && pending.length === 0) return undefined;
      const text = take(at < 0 ? pending.length : at + 1).toString("utf8");
      return text.replace(/\r?\n$/, "");
    },
    byte: async () => {
      if (pending.length === 0) await more();
      return take(1)[0];
    },
    all: async (maxBytes) => {
      const chunks = [take(pending.length)];
      let bytes = chunks[0]?.length ?? 0;
      while (bytes <= maxBytes && (await more())) {
        bytes += pending.length;
        chunks.push(take(pending.length));
      }
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      return Buffer.concat(chunks).toString("utf8");
    },
    rest: () =>
      new ReadableStream<Uint8Array>({
        pull: async (controller) => {
          if (pending.length === 0 && !(await more())) {
            controller.close();
            return;
          }
          controller.enqueue(new Uint8Array(take(pending.length)));
        },
        cancel: (reason) => reader.cancel(reason),
      }),
  };
}

function tooLarge(limit: number): NethsecError {
  return new NethsecError({ code: "input_too_large", message: `The input is larger than ${limit} bytes` });
}
