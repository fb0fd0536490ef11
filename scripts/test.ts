/**
 * Runs the tests and says `N passed, N failed` on the last line, from the runner's own result files.
 *
 *     bun scripts/test.ts unit|root|all [path part…]
 *
 * unit: every `*.test.ts` but `*.root.test.ts`; files in parallel. root: `*.root.test.ts` (namespaces, mounts, real
 * daemons), a process each, two at a time but never two large ones; one that failed once more at the end, alone. A run that ends without a result file
 * counts as a failure; in CI so does a skipped test, and more than two files that pass at their second try only. Limits follow the machine (pace.ts).
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { pace, paced } from "../packages/host/src/testing/pace.ts";
import { type Totals, verdict } from "./verdict.ts";

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
  // An error outside any test (a file that does not load) shows in the exit code only.
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped };
}

/** Prints what the runner says: as it comes, or with `quietly` in one piece at its end. */
async function runTests(name: string, paths: string[], flags: string[], quietly = false): Promise<Totals> {
  const outfile = `${results}/${name}.xml`;
  rmSync(outfile, { force: true });
  const output = `${results}/${name}.log`;
  const log = quietly ? openSync(output, "w") : undefined;
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
    { stdin: "ignore", stdout: log ?? "inherit", stderr: log ?? "inherit" },
  );
  await child.exited;
  if (log !== undefined) closeSync(log);
  if (log !== undefined) process.stdout.write(readFileSync(output, "utf8"));
  return totalsOf(outfile, child.exitCode);
}

console.log(`Pace of this machine: ${pace().toFixed(1)}`);
const runs: Totals[] = [];
const unsteady: string[] = [];
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
  // One process a file: what one leaves behind cannot disturb the next. Most of their time is waiting, so two share the cores; failovers
  // against the clock have only smaller ones beside them, and those of the packages share a folder.
  const isLarge = (file: string): boolean => /^(lab\/test\/(ha-|demo|baseline|migration)|packaging\/)/.test(file);
  const root = files.filter(isRoot);
  const large = root.filter(isLarge);
  const others = root.filter((file) => !isLarge(file));
  const again: string[] = [];
  const lane = async (next: () => string | undefined): Promise<void> => {
    for (let file = next(); file !== undefined; file = next()) {
      const started = performance.now();
      const totals = await runTests(file.replaceAll("/", "_"), [file], [`--timeout=${paced(120_000)}`], true);
      console.log(`${file}: ${Math.round((performance.now() - started) / 1000)} s\n`);
      if (totals.failed > 0) again.push(file);
      else runs.push(totals);
    }
  };
  await Promise.all([lane(() => large.shift() ?? others.shift()), lane(() => others.shift())]);
  // These tests run real daemons against the clock. What passes now is named at the end: nobody has to guess which tests are not to be relied on.
  for (const file of again) {
    console.log(`${file}: failed, once more`);
    const totals = await runTests(`${file.replaceAll("/", "_")}-again`, [file], [`--timeout=${paced(120_000)}`]);
    if (totals.failed === 0) unsteady.push(file);
    runs.push(totals);
  }
}

const { lines, exitCode } = verdict(runs, unsteady, ci);
for (const line of lines) console.log(line);
process.exit(exitCode);
