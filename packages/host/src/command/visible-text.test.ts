import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { fakeIo } from "../testing/fake-call.ts";
import { filteredIo, line, visibleText } from "./visible-text.ts";

const hostile = [
  "\u001b[2J\u001b[H",
  "\u001b]0;title\u0007",
  "\u001b[8mhidden",
  "\u009b31m",
  "ok\r\u001b[1AForged",
  "a\u202eb",
  "\u001bP+q544e\u001b\\",
  "\b\b\b",
];

test.each(hostile)("nothing of %j reaches the terminal as a control", (text) => {
  const { io, output } = fakeIo();
  filteredIo(io, false).out(`Name: ${text}\n`);
  filteredIo(io, false).err(`Name: ${text}\n`);
  for (const printed of [output.out, output.err]) {
    // oxlint-disable-next-line no-control-regex -- control characters are what this is about
    expect(printed.replaceAll(/[\n\t]/g, "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(printed).toContain("\ufffd");
  }
});

test("the program's own colours, line ends, tabs and redraws stay", () => {
  const { io, output } = fakeIo();
  const text = "\u001b[H\u001b[2J\u001b[1mTitle\u001b[0m\tx\n\u001b[31mred\u001b[0m \u001b[94mblue\u001b[m\n";
  filteredIo(io, false).out(text);
  expect(output.out).toBe(text);
});

test("the line ends of CSV stay, a lone carriage return does not", () => {
  const { io, output } = fakeIo();
  filteredIo(io, false).out("client,bytes\r\n10.0.0.1\r,5\r\n");
  expect(output.out).toBe("client,bytes\r\n10.0.0.1\ufffd,5\r\n");
});

test("a value with a line end cannot forge a line", () => {
  const status = "Failed\nLast Sync Status: Successful";
  expect(line`Last Sync Status: ${status}`).toBe("Last Sync Status: Failed\ufffdLast Sync Status: Successful");
  expect(line`${3} of ${"x"}`).toBe("3 of x");
});

test("JSON loses nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const { io, output } = fakeIo();
      filteredIo(io, true).out(`${JSON.stringify({ text })}\n`);
      expect(JSON.parse(output.out)).toEqual({ text });
      expect(visibleText(output.out.trimEnd())).toBe(output.out.trimEnd());
    }),
  );
});

test("the rest of the streams stays", async () => {
  const { io } = fakeIo({ stdin: "secret\n", env: { A: "1" } });
  const filtered = filteredIo(io, false);
  expect(await filtered.readLine()).toBe("secret");
  expect(filtered.env).toEqual({ A: "1" });
  expect(filtered.columns).toBe(80);
});
