/**
 * Peak resident memory over the bare runtime with many live flows: `bun packages/report/bench/memory.bench.ts parent [flows] [clients]`.
 * Starts itself twice as processes of their own: the bare runtime, and the daemon's core with four dumps. Writes below /tmp.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localClock } from "@nethsec/host/local-clock";
import { localFiles } from "@nethsec/host/local-files";
import { Accounting } from "../src/daemon/accounting.ts";
import { Dump } from "../src/daemon/dump.ts";
import { InterfaceNumbers } from "../src/daemon/interface-numbers.ts";
import { Ledger } from "../src/daemon/ledger.ts";
import { StreamReader } from "../src/daemon/stream-reader.ts";

const [role = "parent", flows = "100000", clients = "1000"] = process.argv.slice(2);

/** Live flows that never end: an announcement and three rounds of counters each, made while they are told so that the stream takes no memory. */
async function daemon(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "memory-bench-"));
  const began = Date.now();
  const ledger = new Ledger();
  const accounting = new Accounting(ledger, began);
  const interfaces = new InterfaceNumbers();
  const reader = new StreamReader(accounting, interfaces.of);
  const dump = new Dump({
    files: localFiles(root),
    base: "/r",
    clock: localClock,
    ledger,
    accounting,
    interfaces,
    staleSeconds: 3600,
    warn: console.error,
  });
  const encoder = new TextEncoder();
  const hosts = 5000;
  try {
    dump.restore();
    for (let round = 0; round < 4; round++) {
      accounting.setTime(Date.now(), performance.now());
      for (let index = 0; index < Number(flows); index++) {
        const digest = (Math.imul(index + 1, 0x9e3779b1) >>> 0).toString(16).padStart(40, "0");
        const client = index % Number(clients);
        const head = `{"established":true,"flow":{"digest":"${digest}",`;
        const tail = `,"interface":"br-lan","internal":true,"type":`;
        const text =
          round === 0
            ? `${head}"first_seen_at":${began},"detected_application_name":"netify.app${index % 40}","detected_protocol_name":"HTTP/S","host_server_name":"h${Math.abs(Math.imul(index, 7919)) % hosts}.example","last_seen_at":${began},"local_ip":"10.1.${client >> 8}.${client & 255}"}${tail}"flow"}\n`
            : `${head}"last_seen_at":${began + round},"local_bytes":700,"other_bytes":300,"total_bytes":${round * 1000}}${tail}"flow_stats"}\n`;
        reader.push(encoder.encode(text));
      }
      await dump.write(true);
    }
    const counted = [...ledger.hours.values()][0]?.counters.clients.size ?? 0;
    console.log(JSON.stringify({ peak: process.resourceUsage().maxRSS * 1024, flows: accounting.flows.size, clients: counted }));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function child(name: string): { peak: number; flows: number; clients: number } {
  const { stdout } = spawnSync(process.execPath, [import.meta.path, name, flows, clients], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  return JSON.parse(stdout);
}

if (role === "daemon") await daemon();
else if (role === "bare") console.log(JSON.stringify({ peak: process.resourceUsage().maxRSS * 1024, flows: 0, clients: 0 }));
else {
  const bare = child("bare");
  const full = child("daemon");
  const mib = (bytes: number): string => (bytes / 1024 ** 2).toFixed(1);
  console.log(
    `${full.flows} live flows, ${full.clients} clients: ${mib(full.peak)} MiB at the most, bare runtime ${mib(bare.peak)} MiB, over it ${mib(full.peak - bare.peak)} MiB`,
  );
}
