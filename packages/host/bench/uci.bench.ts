/**
 * Speed of UCI: each figure beside a baseline of the same run, so that a slow machine does not matter. Run by `bun packages/host/bench/uci.bench.ts`; takes half
 * a minute. Exit status 1 when something is not linear.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePackage } from "@nethsec/uci/parse";
import { writePackage } from "@nethsec/uci/write";
import { makeFolder, removeFolder } from "../test/temporary-folder.ts";
import { compileUci } from "../test/uci-executable.ts";

const dir = makeFolder(join(tmpdir(), "uci-bench-"));
const bin = compileUci();

/** Milliseconds of the fastest of `times` runs. */
function fastest(times: number, work: () => void): number {
  let best = Infinity;
  for (let run = 0; run < times; run += 1) {
    // What the run before left is not this one's work.
    Bun.gc(true);
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function sections(count: number): string {
  return Array.from(
    { length: count },
    (_, index) =>
      `config rule 'r${index}'\n\toption name 'Allow-${index}'\n\toption src 'wan'\n\toption proto 'tcp'\n\toption dest_port '${index % 65536}'\n\n`,
  ).join("");
}

function row(what: string, figure: string, baseline: string): void {
  console.log(`${what.padEnd(52)}${figure.padStart(14)}   ${baseline}`);
}

function uci(args: readonly string[], input?: string): void {
  const { status, stderr } = spawnSync(
    join(bin, "uci"),
    ["-c", join(dir, "c"), "-C", "", "-t", join(dir, "save"), ...args],
    { input: input ?? "", timeout: 60_000 },
  );
  if (status !== 0) throw new Error(`uci ${args.join(" ")}: ${stderr.toString()}`);
}

function benchModel(): boolean {
  const text = sections(20_000);
  const path = join(dir, "c/big");
  writeFileSync(path, text);
  const parse = fastest(20, () => parsePackage(text, "big"));
  const split = fastest(20, () => readFileSync(path, "latin1").split("\n"));
  const small = sections(5_000);
  const quarter = fastest(20, () => parsePackage(small, "big"));
  const pkg = parsePackage(text, "big");
  const write = fastest(20, () => writePackage(pkg));
  row(
    "parse, MB/s (target 50)",
    (text.length / 1000 / parse).toFixed(0),
    `${(parse / split).toFixed(1)} times a bare read and split`,
  );
  row(
    "write, MB/s",
    (text.length / 1000 / write).toFixed(0),
    `${(write / split).toFixed(1)} times a bare read and split`,
  );
  row("four times the sections take", `${(parse / quarter).toFixed(1)} times`, "as long (linear: 4)");
  return parse / quarter < 8;
}

function benchCommands(): boolean {
  writeFileSync(join(dir, "c/small"), "config s a\n\toption x 1\n");
  const empty = join(dir, "empty");
  writeFileSync(`${empty}.ts`, "process.exitCode = 0;\n");
  spawnSync(process.execPath, ["build", "--compile", "--bytecode", "--format=esm", "--outfile", empty, `${empty}.ts`]);
  const base = fastest(30, () => spawnSync(empty));
  const relative = (ms: number): string =>
    `${(ms / base).toFixed(1)} times an empty executable (${base.toFixed(1)} ms)`;
  const get = fastest(30, () => uci(["get", "small.a.x"]));
  const big = fastest(15, () => uci(["get", "big.r19999.name"]));
  row("uci get, ms (target 8)", get.toFixed(1), relative(get));
  row("uci get from 20,000 sections, ms (target 60)", big.toFixed(0), relative(big));
  const batch = (count: number): string =>
    `${Array.from({ length: count }, (_, index) => `set big.r${(index * 17) % 20_000}.name='new ${Math.random()}'\n`).join("")}commit big\n`;
  const thousand = fastest(3, () => uci(["batch"], batch(1000)));
  const four = fastest(3, () => uci(["batch"], batch(4000)));
  row("batch of 1,000 sets and a commit there, ms (target 300)", thousand.toFixed(0), relative(thousand));
  row("four times the sets take", `${(four / thousand).toFixed(1)} times`, "as long (linear: at most 4)");
  return four / thousand < 6;
}

try {
  mkdirSync(join(dir, "c"));
  const results = [benchModel(), benchCommands()];
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  removeFolder(dir);
  removeFolder(bin);
}
