import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { lineReader } from "./line-reader.ts";

/** Splits the bytes into chunks of the given sizes; the rest is the last chunk. */
function inPieces(bytes: Uint8Array, sizes: readonly number[]): ReadableStream<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    if (at < bytes.length) pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return new ReadableStream({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

test("lines, then the rest, come whole however the bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, "·"))),
      fc.string(),
      fc.array(fc.nat(5)),
      async (lines, rest, sizes) => {
        const text = lines.map((line) => `${line}\n`).join("") + rest;
        const reader = lineReader(inPieces(Buffer.from(text), sizes));
        const read: (string | undefined)[] = [];
        for (const _ of lines) read.push(await reader.line());
        expect(read).toEqual(lines);
        expect(await reader.all(1_000_000)).toBe(rest);
        expect([await reader.line(), await reader.byte()]).toEqual([undefined, undefined]);
      },
    ),
  );
});

test("the last line needs no newline, CR LF counts as one, and what is too long is refused", async () => {
  const reader = lineReader(inPieces(Buffer.from("a\r\n\nb"), [1, 1, 1]));
  expect([await reader.line(), await reader.line(), await reader.line(), await reader.line()]).toEqual([
    "a",
    "",
    "b",
    undefined,
  ]);
  const endless = lineReader(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000)) }));
  await expect(endless.line()).rejects.toMatchObject({ code: "input_too_large" });
  await expect(endless.all(100_000)).rejects.toMatchObject({ code: "input_too_large" });
});

test("the rest as a stream begins where the lines ended", async () => {
  const reader = lineReader(inPieces(Buffer.from("password\narchive"), [3, 8]));
  expect(await reader.line()).toBe("password");
  expect(await new Response(reader.rest()).text()).toBe("archive");
});
