import { expect, test } from "bun:test";
import fc from "fast-check";
import { streamLines } from "./stream-lines.ts";

const streamOf = (chunks: readonly Uint8Array[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

test("any text, cut anywhere, gives its lines", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary" }), fc.array(fc.nat(20)), async (text, sizes) => {
      const bytes = new TextEncoder().encode(text.replaceAll("\uFEFF", ""));
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(bytes.slice(at, (at += size)));
      chunks.push(bytes.slice(at));
      const expected = new TextDecoder().decode(bytes).split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(await Array.fromAsync(streamLines(streamOf(chunks)))).toEqual(expected);
    }),
  );
});

test("a line without an end is cut, and the next one is whole", async () => {
  const chunks = ["a".repeat(3000), "a".repeat(3000), "bbb\nshort\n"].map((text) => new TextEncoder().encode(text));
  expect(await Array.fromAsync(streamLines(streamOf(chunks), 5000))).toEqual(["a".repeat(5000), "short"]);
});
