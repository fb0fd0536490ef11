/** Which of its input chunks the stream reader keeps in memory. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Accounting } from "./accounting.ts";
import { InterfaceNumbers } from "./interface-numbers.ts";
import { Ledger } from "./ledger.ts";
import { StreamReader } from "./stream-reader.ts";

test("holds no chunk in memory, whatever it remembers of what was in it", () => {
  const reader = new StreamReader(new Accounting(new Ledger(), 0), new InterfaceNumbers().of);
  const chunks = Array.from({ length: 100 }, (_, index) => {
    const flow = {
      digest: index.toString(16).padStart(40, "0"),
      local_ip: "10.0.0.1",
      host_server_name: `h${index}.example`,
      [`field${index}`]: index,
    };
    const event = { type: "flow", interface: `eth${index}`, internal: true, flow };
    // As a socket delivers them: a Buffer, whose slice() is a view of the whole chunk.
    const chunk = Buffer.alloc(65_536, "\n");
    chunk.write(`${JSON.stringify(event)}\n${JSON.stringify(event)}\n`);
    reader.push(chunk);
    return new WeakRef(chunk.buffer);
  });
  Bun.gc(true);
  // The stack may still refer to the last one.
  expect(chunks.filter((chunk) => chunk.deref() !== undefined).length).toBeLessThan(10);
});

const purge = (digest: string): string =>
  `{"flow":{"digest":"${digest}","note":"a } \\" { b","total_bytes":1},"interface":"lan","internal":true,"type":"flow_purge"}`;

test("messages without a newline between them are read, however they are cut; what is no JSON is malformed at once", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("", "\n", " ", "\r\n", '{"length": 9}\n'), fc.nat(30)), { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      (messages, cuts) => {
        const accounting = new Accounting(new Ledger(), 0);
        const reader = new StreamReader(accounting, new InterfaceNumbers().of);
        const bytes = new TextEncoder().encode(
          messages.map(([before, number]) => before + purge(`${number}`.padStart(40, "a"))).join(""),
        );
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const end = at + (cuts[turn % cuts.length] ?? 1);
          reader.push(bytes.subarray(at, end));
          at = end;
        }
        expect([accounting.events, reader.malformed, reader.end()]).toEqual([messages.length, 0, undefined]);
      },
    ),
  );
});

test("what was read and what was understood is told", () => {
  const reader = new StreamReader(new Accounting(new Ledger(), 0), new InterfaceNumbers().of);
  const push = (text: string): number => {
    reader.push(new TextEncoder().encode(text));
    return reader.understood;
  };
  expect(push('"a text" 12 ')).toBe(0);
  expect(push("x".repeat(5 * 1024 * 1024))).toBe(0);
  // An endless line counts as malformed as soon as it is too long, without waiting for its end.
  expect([reader.malformed, reader.received]).toEqual([1, 12 + 5 * 1024 * 1024]);
  expect(push('\n{"type":"agent_hello"}')).toBe(1);
});
