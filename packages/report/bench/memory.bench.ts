/**
 * Peak resident memory of the daemon, minus that of the bare runtime, with many live flows: `bun packages/report/bench/memory.bench.ts [flows]
 * [clients] [executable]`. Sends flows that never end over a real socket to the executable (dist/nethsec; without it, the sources): an announcement
 * and three rounds of counters, with a dump after each. Writes below the folder for temporary files.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { readStatus } from "../src/store/daemon-status.ts";
import { flowServer, send, until } from "../test/flow-server.ts";

const [flows = 100_000, clients = 1000] = process.argv.slice(2, 4).map(Number);
const executable = process.argv[4] ?? join(import.meta.dir, "../../../dist/nethsec");
const rounds = 4;
const hosts = 5000;

function event(round: number, index: number, began: number): string {
  const digest = (Math.imul(index + 1, 0x9e3779b1) >>> 0).toString(16).padStart(40, "0");
  const client = index % clients;
  const head = `{"established":true,"flow":{"digest":"${digest}",`;
  const tail = `,"interface":"br-lan","internal":true,"type":`;
  return round === 0
    ? `${head}"first_seen_at":${began},"detected_application_name":"netify.app${index % 40}","detected_protocol_name":"HTTP/S","host_server_name":"h${Math.abs(Math.imul(index, 7919)) % hosts}.example","last_seen_at":${began},"local_ip":"10.1.${client >> 8}.${client & 255}"}${tail}"flow"}\n`
    : `${head}"last_seen_at":${began + round},"local_bytes":700,"other_bytes":300,"total_bytes":${round * 1000}}${tail}"flow_stats"}\n`;
}

async function tell(socket: Socket, round: number, began: number): Promise<void> {
  for (let from = 0; from < flows; from += 500) {
    const indexes = Array.from({ length: Math.min(500, flows - from) }, (_, at) => from + at);
    await send(socket, indexes.map((index) => event(round, index, began)).join(""));
  }
}

/** Peak resident memory in bytes; `status`: text of /proc/PID/status. (A child's getrusage would include its parent's memory before the exec.) */
function peakIn(status: string): number {
  const [, kib] = /VmHWM:\s+(\d+) kB/.exec(status) ?? [];
  return Number(kib) * 1024;
}

const base = mkdtempSync(join(tmpdir(), "memory-bench-"));
const files = localFiles("/");
await using server = await flowServer();
const program: [string, ...string[]] = existsSync(executable)
  ? [executable]
  : [process.execPath, join(import.meta.dir, "../../cli/src/main.ts")];
const [command, ...args] = program;
const daemon = spawn(command, [...args, "dpireport"], {
  env: { ...process.env, NETIFYD_SOCKET: server.path, DUMP_PATH: base, DUMP_TIMEOUT: "1" },
  stdio: ["ignore", "inherit", "inherit"],
});
try {
  const socket = await server.next();
  const saw = (count: number) => (): boolean => {
    const status = readStatus(files, base);
    return (
      status !== undefined && status.pid === daemon.pid && (count === 0 ? status.connected : status.events >= count)
    );
  };
  await until(saw(0), "the connection", 60_000);
  const began = Date.now() + 1;
  for (let round = 0; round < rounds; round++) {
    await tell(socket, round, began);
    await until(saw((round + 1) * flows), `the dump of round ${round}`, 120_000);
  }
  const status = readStatus(files, base);
  if (status === undefined) throw new Error("the daemon's status is gone");
  const peak = peakIn(readFileSync(`/proc/${daemon.pid}/status`, "utf8"));
  const bare = peakIn(
    spawnSync(process.execPath, ["-e", `process.stdout.write(require("fs").readFileSync("/proc/self/status"))`], {
      encoding: "utf8",
    }).stdout,
  );
  const mib = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);
  console.log(
    `${program.length === 1 ? "compiled" : "from sources"}: ${status.flows} live flows, ${status.clients} clients: ${mib(peak)} MiB at the most, bare runtime ${mib(bare)} MiB, over it ${mib(peak - bare)} MiB`,
  );
} finally {
  daemon.kill("SIGKILL");
  rmSync(base, { recursive: true, force: true });
}
