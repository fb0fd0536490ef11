/** Lines of a byte stream as text (UTF-8), without their newlines; memory is bounded: a line longer than `maxLength` characters is cut. */
import { LineCutter } from "./line-cutter.ts";

export async function* streamLines(stream: AsyncIterable<Uint8Array>, maxLength = 4096): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const cutter = new LineCutter(maxLength);
  for await (const chunk of stream) yield* cutter.push(decoder.decode(chunk, { stream: true }));
  const rest = cutter.end();
  if (rest !== "") yield rest;
}
