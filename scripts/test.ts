/**
 * Runs the tests and prints `N passed, N failed` as the last line, computed from the runner's result files.
 *
 *     bun scripts/test.ts unit|root|all [path part…]
 *
 * unit: all `*.test.ts` except `*.root.test.ts`; files in parallel. root: `*.root.test.ts` (namespaces, mounts, real daemons), one process per
 * file, two at a time but never two of the exclusive ones; failed files are repeated at the end, one by one. A run without a result file counts as a
 * failure; in CI so do a skipped test and more than two files that pass on the second try only. Time limits follow the machine (pace.ts).
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { pace, paced } from "../packages/host/src/testing/pace.ts";
import { failuresIn, type Totals, verdict } from "./verdict.ts";

const [group = "all", ...parts] = process.argv.slice(2);
const bun = process.execPath;
const ci = process.env["CI"] === "true";
const results = ".cache/test-results";
mkdirSync(results, { recursive: true });

const files = [...new Bun.Glob("{packages,lab,scripts,packaging}/**/*.test.ts").scanSync(".")]
  .filter((file) => !file.includes("node_modules") && parts.every((part) => file.includes(part)))
  .toSorted();
const isRoot = (file: string): boolean => file.endsWith(".root.test.ts");

function totalsOf(path: string, exitCode: number | null): Totals {
  const head = existsSync(path) ? /<testsuites [^>]*>/.exec(readFileSync(path, "utf8"))?.[0] : undefined;
  if (head === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const number = (name: string): number => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  const skipped = number("skipped");
  const passed = number("tests") - failed - skipped;
  // An error outside a test (e.g. a file that does not load) is visible in the exit code only.
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

/** Runs tests and prints the runner's output, as a whole at the end: two files run at once. */
async function runTests(name: string, paths: string[], flags: string[]): Promise<Totals> {
  const outfile = `${results}/${name}.xml`;
  rmSync(outfile, { force: true });
  const logFile = `${results}/${name}.log`;
  const log = openSync(logFile, "w");
  const child = Bun.spawn(
    [
      bun,
      "test",
      "--preload=./scripts/seed.ts",
      ...flags,
      "--reporter=junit",
      `--reporter-outfile=${outfile}`,
      ...paths.map((path) => `./${path}`),
    ],
    { stdin: "ignore", stdout: log, stderr: log },
  );
  await child.exited;
  closeSync(log);
  const output = readFileSync(logFile, "utf8");
  process.stdout.write(output);
  failures.push(...failuresIn(output).map((failure) => `${name}\n${failure}\n`));
  return totalsOf(outfile, child.exitCode);
}

console.log(`Pace of this machine: ${pace().toFixed(1)}`);
const runs: Totals[] = [];
const unsteady: string[] = [];
const failures: string[] = [];
if (group === "unit" || group === "all") {
  const unit = files.filter((file) => !isRoot(file));
  if (unit.length > 0)
    runs.push(await runTests("unit", unit, ["--parallel", `--timeout=${paced(20_000)}`, "--only-failures"]));
}
if (group === "root" || group === "all") {
  if (process.getuid?.() !== 0) {
    console.error(
      "The tests of real parts (namespaces, mounts, daemons) need root: run this as root, or `make test-unit`.",
    );
    process.exit(1);
  }
  // One process per file, so that leftovers of one file cannot disturb the next. They mostly wait, so two run at once. Two kinds exclude each other:
  // tests that measure failovers, and packaging tests, which share a folder.
  const exclusiveNames = /^(lab\/test\/(ha-(failover|live|quiet|link)|demo|baseline)|packaging\/)/;
  const isExclusive = (file: string): boolean => exclusiveNames.test(file);
  const root = files.filter(isRoot);
  const exclusive = root.filter(isExclusive);
  const others = root.filter((file) => !isExclusive(file));
  const again: string[] = [];
  const lane = async (next: () => string | undefined): Promise<void> => {
    for (let file = next(); file !== undefined; file = next()) {
      const started = performance.now();
      const totals = await runTests(file.replaceAll("/", "_"), [file], [`--timeout=${paced(120_000)}`]);
      console.log(`${file}: ${Math.round((performance.now() - started) / 1000)} s\n`);
      if (totals.failed > 0) again.push(file);
      else runs.push(totals);
    }
  };
  await Promise.all([lane(() => exclusive.shift() ?? others.shift()), lane(() => others.shift())]);
  // These tests run real daemons under time limits. Files that pass on the second try are listed at the end, so that flaky tests are known.
  for (const file of again) {
    console.log(`${file}: failed, once more`);
    const totals = await runTests(`${file.replaceAll("/", "_")}-again`, [file], [`--timeout=${paced(120_000)}`]);
    if (totals.failed === 0) unsteady.push(file);
    runs.push(totals);
  }
}

const { lines, exitCode } = verdict(runs, unsteady, ci);
if (failures.length > 0) console.log("\nWhat failed, first tries included:");
for (const failure of failures.slice(-10)) console.log(failure);
for (const line of lines) console.log(line);
process.exit(exitCode);
