/**
 * Measures dpireport as users run it: the executable, reading its socket, at several rates. A plain reader runs beside it as a separate program; both
 * receive the same data at the same moments: `bun packages/report/bench/daemon.bench.ts [seconds] [rate,rate,…] [ms]` (default: 300 s each;
 * 100,1000,5000 events/s; a burst every 1000 ms). Prints the share of a core, CPU time per event, resident and proportional memory, and the cost of
 * the start.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { readStatus } from "../src/store/daemon-status.ts";
import { flowServer, until } from "../test/flow-server.ts";
import { multipliedStream } from "./multiplied-stream.ts";

const [seconds = 300] = process.argv.slice(2, 3).map(Number);
const rates = (process.argv[3] ?? "100,1000,5000").split(",").map(Number);
const executable = join(import.meta.dir, "../../../dist/nethsec");
/** Interval of the feeder's writes. netifyd sends the counters of all flows at once every 15 s and new flows in between. */
const [burstMs = 1000] = process.argv.slice(4, 5).map(Number);

/** One message with its length line, and the offsets of one digest digit and of the time stamps, which are overwritten at each sending. */
interface Message {
  readonly bytes: Buffer;
  readonly digest: number;
  readonly stamps: readonly number[];
}

function recordedMessages(): Message[] {
  const text = multipliedStream(60_000, 1000)
    .reads.map((read) => new TextDecoder().decode(read))
    .join("");
  return (
    text
      .split("\n")
      // Offsets count bytes, so keep only lines without multi-byte characters.
      .filter((line) => line.includes('"digest":"') && Buffer.byteLength(line) === line.length)
      .map((line) => {
        const framed = `{"length": ${line.length + 1}}\n${line}\n`;
        return {
          bytes: Buffer.from(framed),
          digest: framed.indexOf('"digest":"') + 10,
          stamps: [...framed.matchAll(/"(?:first|last)_seen_at":(?=\d{13}\D)/g)].map(
            (found) => found.index + found[0].length,
          ),
        };
      })
  );
}

class Feeder {
  readonly #messages = recordedMessages();
  #next = 0;
  #cycle = 0;

  /** The next `count` messages, stamped with the present time. Each cycle through the messages gets other digests, so other flows. */
  burst(count: number): Buffer {
    const now = String(Date.now());
    const parts: Buffer[] = [];
    for (let index = 0; index < count; index++) {
      const message = this.#messages[this.#next];
      if (message === undefined) throw new Error("no messages");
      message.bytes.write((this.#cycle % 16).toString(16), message.digest);
      for (const at of message.stamps) message.bytes.write(now, at);
      parts.push(Buffer.from(message.bytes));
      this.#next = (this.#next + 1) % this.#messages.length;
      if (this.#next === 0) this.#cycle++;
    }
    return Buffer.concat(parts);
  }
}

/** CPU time of the process and all threads it ever had, in milliseconds, in steps of 10 (proc(5): stat, utime and stime in ticks of 1/100 s). */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memory(pid: number): { rss: number; pss: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const mib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1024;
  return { rss: mib("Rss"), pss: mib("Pss") };
}

interface Subject {
  readonly name: string;
  readonly child: ChildProcess & { readonly pid: number };
  readonly socket: Socket;
  readonly startMs: number;
}

function withPid(child: ChildProcess): Subject["child"] {
  const { pid } = child;
  if (pid === undefined) throw new Error("not started");
  return Object.assign(child, { pid });
}

if (!existsSync(executable)) throw new Error("make build first: the executable is what is measured");
// In memory, as /var/run is on a firewall: on a disk a dump of 1,000 clients takes eight times as long.
const base = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "daemon-bench-"));
await using daemonServer = await flowServer();
await using plainServer = await flowServer();

async function startDaemon(): Promise<Subject> {
  const env = { ...process.env, NETIFYD_SOCKET: daemonServer.path, DUMP_PATH: join(base, "reports") };
  const child = withPid(spawn(executable, ["dpireport"], { env, stdio: ["ignore", "ignore", "inherit"] }));
  const socket = await daemonServer.next();
  const files = localFiles("/");
  await until(() => readStatus(files, join(base, "reports"))?.connected === true, "dpireport", 60_000);
  return { name: "dpireport", child, socket, startMs: cpuMs(child.pid) };
}

async function startPlain(): Promise<Subject> {
  const program = join(import.meta.dir, "plain-reader.ts");
  const child = withPid(
    spawn(process.execPath, [program, plainServer.path], { stdio: ["ignore", "ignore", "inherit"] }),
  );
  const socket = await plainServer.next();
  return { name: "plain reader", child, socket, startMs: cpuMs(child.pid) };
}

async function feed(subjects: readonly Subject[], feeder: Feeder, rate: number, ms: number): Promise<number> {
  const began = performance.now();
  let sent = 0;
  while (performance.now() - began < ms) {
    const due = Math.floor(((performance.now() - began) * rate) / 1000) - sent;
    if (due > 0) {
      const bytes = feeder.burst(due);
      for (const { socket } of subjects) socket.write(bytes);
      sent += due;
    }
    await new Promise((resolve) => setTimeout(resolve, burstMs));
  }
  return sent;
}

const subjects = [await startDaemon(), await startPlain()];
try {
  for (const { name, startMs } of subjects) console.log(`${name.padEnd(14)} start ${startMs.toFixed(0)} ms of CPU`);
  const feeder = new Feeder();
  // Warm up first: the bench measures a long-running daemon, not its first seconds.
  await feed(subjects, feeder, 2000, Math.min(10_000, seconds * 1000));
  for (const rate of rates) {
    const before = subjects.map(({ child }) => cpuMs(child.pid));
    const began = performance.now();
    const sent = await feed(subjects, feeder, rate, seconds * 1000);
    const wall = performance.now() - began;
    const used = subjects.map(({ child }, index) => cpuMs(child.pid) - (before[index] ?? 0));
    for (const [index, { name, child }] of subjects.entries()) {
      const cpu = used[index] ?? 0;
      const { rss, pss } = memory(child.pid);
      console.log(
        `${name.padEnd(14)} ${String(rate).padStart(5)} events/s  ${((cpu / wall) * 100).toFixed(2).padStart(6)} % of a core  ${((cpu * 1000) / sent).toFixed(2).padStart(6)} µs/event  RSS ${rss.toFixed(0)} MiB  PSS ${pss.toFixed(0)} MiB`,
      );
    }
    console.log(`${" ".repeat(15)}ratio ${((used[0] ?? 0) / (used[1] ?? 1)).toFixed(2)}`);
  }
} finally {
  for (const { child } of subjects) child.kill("SIGKILL");
  rmSync(base, { recursive: true, force: true });
}
