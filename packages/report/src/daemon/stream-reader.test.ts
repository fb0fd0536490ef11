/** What the reader of the stream keeps of the chunks it is given. */
import { expect, test } from "bun:test";
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
    // As a socket gives them: a Buffer, whose slice() is a view of all of it.
    const chunk = Buffer.alloc(65_536, "\n");
    chunk.write(`${JSON.stringify(event)}\n${JSON.stringify(event)}\n`);
    reader.push(chunk);
    return new WeakRef(chunk.buffer);
  });
  Bun.gc(true);
  // The last one may be on the stack still.
  expect(chunks.filter((chunk) => chunk.deref() !== undefined).length).toBeLessThan(10);
});
