/**
 * Queries a day of 1,000 clients × 24 hours in fresh processes of the executable (dist/nethsec; without it, the sources), beside a plain reader of
 * the same hour files in the same run: `bun packages/report/bench/query.bench.ts [clients]`. Target: each answer < 100 ms.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localFiles } from "@nethsec/host/files/local-files";
import { rebuildIndexes } from "../src/store/hour-tables.ts";
import { writeSampleDay } from "../test/sample-reports.ts";

const clients = Number(process.argv[2] ?? 1000);
const executable = join(import.meta.dir, "../../../dist/nethsec");
const program = existsSync(executable)
  ? [executable]
  : [process.execPath, join(import.meta.dir, "../../cli/src/main.ts")];
const day = { year: 2026, month: 11, day: 21 };
const base = mkdtempSync(join(tmpdir(), "nethsec-query-bench-"));
const rounds = 9;
/** As root, runs in an empty network namespace: the bench must not query name servers for its invented clients. */
const withoutNetwork = process.getuid?.() === 0 ? ["unshare", "--net"] : [];

/** Reads every hour file of a day and adds up the clients, as a reader without an index must. */
const plainReader = `
const fs = require("node:fs"), root = process.argv[1], sums = {};
for (const client of fs.readdirSync(root)) {
  if (client.startsWith(".")) continue;
  for (const hour of fs.readdirSync(root + "/" + client))
    sums[client] = (sums[client] ?? 0) + JSON.parse(fs.readFileSync(root + "/" + client + "/" + hour, "utf8")).total;
}
console.log(Object.keys(sums).length);`;

interface Took {
  /** Wall and CPU time in milliseconds, each the median of several runs after one that warms the disk cache. */
  readonly wall: number;
  readonly cpu: number;
}

function measure(argv: string[], stdin = ""): Took {
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const began = performance.now();
    const child = Bun.spawnSync([...withoutNetwork, ...argv], {
      stdin: Buffer.from(stdin),
      env: { PATH: process.env["PATH"] ?? "", DUMP_PATH: base },
    });
    const took = performance.now() - began;
    if (child.exitCode !== 0 || child.stdout.length < 4)
      throw new Error(`${argv.join(" ")}: ${child.stderr.toString()}`);
    if (round === 0) continue;
    walls.push(took);
    cpus.push(Number(child.resourceUsage.cpuTime.total) / 1000);
  }
  return { wall: median(walls), cpu: median(cpus) };
}

function median(list: number[]): number {
  return list.sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
}

function line(name: string, { wall, cpu }: Took, reference: Took): string {
  return `${name.padEnd(36)} ${wall.toFixed(0).padStart(6)} ms, CPU ${cpu.toFixed(0).padStart(5)} ms   ratio ${(cpu / reference.cpu).toFixed(2)}`;
}

try {
  const files = localFiles("/");
  writeSampleDay(files, base, day, { clients, hours: 24, moreHosts: 8, directions: true });
  rebuildIndexes(files, base, day, Date.now());
  const date = { year: "2026", month: "11", day: "21" };
  const rpcd = [...program, "ns.dpireport", "call"];
  const report = [...program, "ns-report"];
  const questions: [string, string[], string?][] = [
    ["rpcd summary-v2", [...rpcd, "summary-v2"], JSON.stringify(date)],
    [
      "rpcd summary-v2, one application",
      [...rpcd, "summary-v2"],
      JSON.stringify({ ...date, section: "application", value: "netify.google" }),
    ],
    ["rpcd summary-v2, one client", [...rpcd, "summary-v2"], JSON.stringify({ ...date, client: "192.168.1.9" })],
    ["rpcd details, one client", [...rpcd, "details"], JSON.stringify({ ...date, client: "192.168.1.9" })],
    ["ns-report summary", [...report, "summary", "2026-11-21"]],
    ["ns-report top clients --host", [...report, "top", "clients", "2026-11-21", "--host", "github.com"]],
  ];
  const plain = measure([process.execPath, "-e", plainReader, `${base}/2026/11/21`]);
  console.log(
    `${clients} clients × 24 hours, ${program.length === 1 ? "compiled" : "from sources"}, median of ${rounds} fresh processes`,
  );
  console.log(line("plain reader of all hour files", plain, plain));
  for (const [name, argv, stdin] of questions) console.log(line(name, measure(argv, stdin), plain));
} finally {
  rmSync(base, { recursive: true, force: true });
}
