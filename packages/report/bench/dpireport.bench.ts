/**
 * The daemon's core and a plain reader on the same stream, in one run: `bun packages/report/bench/dpireport.bench.ts [events] [clients]`. Prints
 * events per second, CPU seconds per million events, and the ratio. `memory.bench.ts` measures memory, in separate processes.
 */
import { Accounting } from "../src/daemon/accounting.ts";
import { InterfaceNumbers } from "../src/daemon/interface-numbers.ts";
import { Ledger } from "../src/daemon/ledger.ts";
import { StreamReader } from "../src/daemon/stream-reader.ts";
import { multipliedStream, type LargeStream } from "./multiplied-stream.ts";
import { netifyd5Stream } from "./netifyd5-stream.ts";
import { plainReference } from "./plain-reference.ts";

const [events = 400_000, clients = 1000] = process.argv.slice(2).map(Number);
const stream = multipliedStream(events, clients);
const stream5 = netifyd5Stream(events);

/** CPU and wall seconds of the best of three runs, after one warm-up run. */
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

function dpireport(stream: LargeStream): void {
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, stream.start);
  const reader = new StreamReader(accounting, new InterfaceNumbers().of);
  for (const [index, read] of stream.reads.entries()) {
    accounting.setTime(stream.start + index, index);
    reader.push(read);
  }
}

const rows = [
  ["plain reference", stream.events, measure(() => plainReference(stream.reads))],
  ["dpireport", stream.events, measure(() => dpireport(stream))],
  ["dpireport, 5.x", stream5.events, measure(() => dpireport(stream5))],
] as const;
console.log(
  `${stream.events} events, ${clients} clients, ${stream.reads.reduce((sum, read) => sum + read.length, 0)} bytes`,
);
for (const [name, count, { cpu, wall }] of rows) {
  console.log(
    `${name.padEnd(16)} ${Math.round(count / wall)
      .toLocaleString("en")
      .padStart(10)} events/s  ${((cpu / count) * 1e6).toFixed(3)} µs CPU/event`,
  );
}
const each = rows.map(([, count, { cpu }]) => cpu / count);
const [plain = 0, own = 0, own5 = 0] = each;
console.log(
  `ratio to the plain reference ${(own / plain).toFixed(2)}; of a 5.x event (three times as long) to a 4.x one ${(own5 / own).toFixed(2)}`,
);
