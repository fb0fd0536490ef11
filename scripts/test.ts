/**
 * Runs the tests and says `N passed, N failed` on the last line, from the runner's own result files.
 *
 *     bun scripts/test.ts unit|root|all [path part…]
 *
 * unit: every `*.test.ts` but `*.root.test.ts`; files in parallel. root: `*.root.test.ts` (namespaces, mounts, real
 * daemons), a file at a time, a failed one twice. A run that ends without a result file counts as a failure, and in CI so does a skipped test.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

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

function runTests(name: string, paths: string[], flags: string[]): Totals {
  const outfile = `${results}/${name}.xml`;
  rmSync(outfile, { force: true });
  const child = Bun.spawnSync(
    [
      bun,
      "test",
      "--preload=./scripts/seed.ts",
      ...flags,
      "--reporter=junit",
      `--reporter-outfile=${outfile}`,
      ...paths.map((path) => `./${path}`),
    ],
    { stdin: "ignore", stdout: "inherit", stderr: "inherit" },
  );
  return totalsOf(outfile, child.exitCode);
}

const runs: Totals[] = [];
const unsteady: string[] = [];
if (group === "unit" || group === "all") {
  const unit = files.filter((file) => !isRoot(file));
  if (unit.length > 0) runs.push(runTests("unit", unit, ["--parallel", "--timeout=20000", "--only-failures"]));
}
if (group === "root" || group === "all") {
  if (process.getuid?.() !== 0) {
    console.error(
      "The tests of real parts (namespaces, mounts, daemons) need root: run this as root, or `make test-unit`.",
    );
    process.exit(1);
  }
  // One process a file: what one leaves behind cannot disturb the next. These tests run real daemons against the clock: a file that fails
  // is run once more, and if that passes it is named at the end. Nobody has to guess which tests are not to be relied on.
  for (const file of files.filter(isRoot)) {
    const started = performance.now();
    const name = file.replaceAll("/", "_");
    let totals = runTests(name, [file], ["--timeout=120000"]);
    if (totals.failed > 0) {
      console.log(`${file}: failed, once more`);
      totals = runTests(`${name}-again`, [file], ["--timeout=120000"]);
      if (totals.failed === 0) unsteady.push(file);
    }
    runs.push(totals);
    console.log(`${file}: ${Math.round((performance.now() - started) / 1000)} s`);
  }
}

for (const file of unsteady) console.log(`Passed at the second try only: ${file}`);
const sum = (key: keyof Totals): number => runs.reduce((total, run) => total + run[key], 0);
const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
if (ci && skipped > 0) console.error("A skipped test is a failure in CI.");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(failed > 0 || passed === 0 || (ci && skipped > 0) ? 1 : 0);
