/**
 * The daemon's core against a plain reader of the same stream, in one run: `bun packages/report/bench/dpireport.bench.ts [events] [clients]`.
 * Prints events per second, CPU seconds per million events, and the ratio. Memory is measured by `memory.bench.ts`, in processes of their own.
 */
import { Accounting } from "../src/daemon/accounting.ts";
import { InterfaceNumbers } from "../src/daemon/interface-numbers.ts";
import { Ledger } from "../src/daemon/ledger.ts";
import { StreamReader } from "../src/daemon/stream-reader.ts";
import { multipliedStream } from "./multiplied-stream.ts";
import { plainReference } from "./plain-reference.ts";

const [events = 400_000, clients = 1000] = process.argv.slice(2).map(Number);
const stream = multipliedStream(events, clients);

/** CPU seconds and wall seconds of the best of three runs, after one to warm up. */
function measure(work: () => void): { cpu: number; wall: number } {
  let best = { cpu: Number.POSITIVE_INFINITY, wall: 0 };
  for (let round = 0; round < 4; round++) {
    Bun.gc(true);
    const cpu = process.cpuUsage();
    const began = performance.now();
    work();
    const used = process.cpuUsage(cpu);
    const result = { cpu: (used.user + used.system) / 1e6, wall: (performance.now() - began) / 1000 };
    if (round > 0 && result.cpu < best.cpu) best = result;
  }
  return best;
}

function dpireport(): void {
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, stream.start);
  const reader = new StreamReader(accounting, new InterfaceNumbers().of);
  for (const [index, read] of stream.reads.entries()) {
    accounting.setTime(stream.start + index, index);
    reader.push(read);
  }
}

const rows = [
  ["plain reference", measure(() => plainReference(stream.reads))],
  ["dpireport", measure(dpireport)],
] as const;
console.log(
  `${stream.events} events, ${clients} clients, ${stream.reads.reduce((sum, read) => sum + read.length, 0)} bytes`,
);
for (const [name, { cpu, wall }] of rows) {
  console.log(
    `${name.padEnd(16)} ${Math.round(stream.events / wall)
      .toLocaleString("en")
      .padStart(10)} events/s  ${((cpu / stream.events) * 1e6).toFixed(3)} µs CPU/event`,
  );
}
console.log(`ratio ${(rows[1][1].cpu / rows[0][1].cpu).toFixed(2)}`);
