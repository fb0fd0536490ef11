/**
 * Speed of UCI: each figure beside a baseline of the same run, so that a slow machine does not matter. Run by `make bench`, or, with dist/nethsec built, by
 * `bun packages/host/bench/uci.bench.ts`; takes half a minute. Exit status 1 when something is not linear, which is decided by processor time alone: it does not
 * matter what else the machine does.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Package } from "@nethsec/uci/model";
import { parsePackage } from "@nethsec/uci/parse";
import { writePackage } from "@nethsec/uci/write";
import { makeFolder, removeFolder } from "../test/temporary-folder.ts";

const dir = makeFolder(join(tmpdir(), "uci-bench-"));
const uciPath = join(dir, "uci");

/** Milliseconds: of the clock and of the processor. */
interface Times {
  readonly wall: number;
  readonly cpu: number;
}

/** The least of each of `times` runs. */
function best(times: number, run: () => Times): Times {
  const all = Array.from({ length: times }, run);
  return { wall: Math.min(...all.map(({ wall }) => wall)), cpu: Math.min(...all.map(({ cpu }) => cpu)) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function inProcess(work: () => void): Times {
  // What the run before left is not this one's work.
  Bun.gc(true);
  const before = process.threadCpuUsage();
  const start = performance.now();
  work();
  const wall = performance.now() - start;
  const { user, system } = process.threadCpuUsage(before);
  return { wall, cpu: (user + system) / 1000 };
}

function asProcess(argv: readonly [string, ...string[]], input = ""): Times {
  const start = performance.now();
  const { exitCode, stderr, resourceUsage } = Bun.spawnSync([...argv], { stdin: Buffer.from(input), timeout: 60_000 });
  const wall = performance.now() - start;
  if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr.toString()}`);
  return { wall, cpu: Number(resourceUsage.cpuTime.total) / 1000 };
}

const uci = (args: readonly string[], input?: string): Times =>
  asProcess([uciPath, "-c", join(dir, "c"), "-C", "", "-t", join(dir, "save"), ...args], input);

function sections(count: number): string {
  return Array.from(
    { length: count },
    (_, index) =>
      `config rule 'r${index}'\n\toption name 'Allow-${index}'\n\toption src 'wan'\n\toption proto 'tcp'\n\toption dest_port '${index % 65536}'\n\n`,
  ).join("");
}

/** Parses, and asks for every option: sections are read when they are asked for. */
function parseAll(text: string): Package {
  const pkg = parsePackage(text, "big");
  for (const section of pkg.sections) if (section.get("dest_port") === undefined) throw new Error("not parsed");
  return pkg;
}

function row(what: string, figure: string, baseline: string): void {
  console.log(`${what.padEnd(58)}${figure.padStart(12)}   ${baseline}`);
}

const ms = ({ wall, cpu }: Times): string => `${wall.toFixed(1)} ms (${cpu.toFixed(1)} of processor time)`;

/** False when eight times the input takes more than twice eight times as long: it would be 64 times for what is quadratic. Pairs are measured in turn. */
function isLinear(what: string, pairs: number, once: () => Times, eightTimes: () => Times): boolean {
  const ratio = median(Array.from({ length: pairs }, () => eightTimes().cpu / once().cpu));
  row(
    `eight times the ${what} take`,
    `${ratio.toFixed(1)} times`,
    "the processor time (linear: 8 and less; an error from 16)",
  );
  return ratio < 16;
}

function benchModel(): boolean {
  const text = sections(20_000);
  const path = join(dir, "c/big");
  writeFileSync(path, text);
  const model = parseAll(text);
  const json = JSON.stringify(
    model.sections.items.map(({ name, type, options }) => ({ name, type, options: options.items })),
  );
  const speed = ({ cpu }: Times): string => `${(text.length / 1000 / cpu).toFixed(0)} MB/s`;
  const split = best(20, () => inProcess(() => void readFileSync(path, "latin1").split("\n")));
  const parsed = best(20, () => inProcess(() => void JSON.parse(json)));
  row("baseline: 2 MB read and split into lines", speed(split), ms(split));
  row("baseline: the same package as JSON, JSON.parse", speed(parsed), ms(parsed));
  const parse = best(20, () => inProcess(() => void parseAll(text)));
  row(
    "parse, every option asked for (target 50)",
    speed(parse),
    `${(parse.cpu / parsed.cpu).toFixed(1)} times JSON.parse`,
  );
  const one = best(20, () => inProcess(() => void parsePackage(text, "big").find("r19999")?.get("name")));
  row("parse, one option asked for", speed(one), `${(one.cpu / parsed.cpu).toFixed(1)} times JSON.parse`);
  // Into bytes: before that, the runtime only notes what is to be joined.
  const write = best(20, () => inProcess(() => void Buffer.from(writePackage(model), "latin1")));
  row("write", speed(write), `${(write.cpu / split.cpu).toFixed(1)} times a bare read and split`);
  const [small, large] = [sections(5_000), sections(40_000)];
  return isLinear(
    "sections",
    9,
    () => inProcess(() => parseAll(small)),
    () => inProcess(() => parseAll(large)),
  );
}

/** Copied both, so that neither lies better in the page cache than the other: that alone makes a millisecond and a half. */
function makeExecutables(): string {
  const empty = join(dir, "empty");
  writeFileSync(`${empty}.ts`, "process.exitCode = 0;\n");
  spawnSync(process.execPath, ["build", "--compile", "--bytecode", "--outfile", `${empty}.built`, `${empty}.ts`]);
  copyFileSync(`${empty}.built`, empty);
  copyFileSync(new URL("../../../dist/nethsec", import.meta.url).pathname, join(dir, "nethsec"));
  symlinkSync("nethsec", uciPath);
  return empty;
}

function batch(count: number): string {
  const sets = Array.from({ length: count }, (_, at) => `set big.r${(at * 17) % 20_000}.name='new ${Math.random()}'\n`);
  return `${sets.join("")}commit big\n`;
}

function benchCommands(): boolean {
  writeFileSync(join(dir, "c/small"), "config s a\n\toption x 1\n");
  const empty = makeExecutables();
  const base = best(40, () => asProcess([empty]));
  row("baseline: an executable that does nothing", `${base.wall.toFixed(1)} ms`, ms(base));
  const show = (what: string, times: Times): void =>
    row(what, `${times.wall.toFixed(1)} ms`, `${ms(times)}, ${(times.cpu - base.cpu).toFixed(1)} more than it`);
  show(
    "baseline: cat of 2 MB",
    best(20, () => asProcess(["cat", join(dir, "c/big")])),
  );
  show(
    "uci get (target 8)",
    best(40, () => uci(["get", "small.a.x"])),
  );
  show(
    "uci get from 20,000 sections (target 60)",
    best(15, () => uci(["get", "big.r19999.name"])),
  );
  show(
    "one set and a commit there",
    best(7, () => uci(["batch"], batch(1))),
  );
  show(
    "batch of 1,000 sets and a commit there (target 300)",
    best(7, () => uci(["batch"], batch(1000))),
  );
  return isLinear(
    "sets",
    3,
    () => uci(["batch"], batch(1000)),
    () => uci(["batch"], batch(8000)),
  );
}

try {
  mkdirSync(join(dir, "c"));
  const results = [benchModel(), benchCommands()];
  process.exitCode = results.every(Boolean) ? 0 : 1;
} finally {
  removeFolder(dir);
}
