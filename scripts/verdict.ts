/** Summary of a test run, and whether it succeeded. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Number of files that may pass only on their second try before CI fails: more indicate a defect in tests or product, not bad luck. */
export const repeatsAllowed = 2;

/** Lines kept of each failed test by {@link failuresIn}: enough for the error, few enough that the end of a long log shows all of them. */
const linesOfError = 25;

/**
 * The failed tests of the runner's output, each as the end of what was printed before its "(fail) NAME" line: the error and the place.
 * The end of a CI log is often all that is kept of it, and the failure may have been an hour earlier.
 */
export function failuresIn(output: string): string[] {
  const found: string[] = [];
  let before: string[] = [];
  for (const line of output.split("\n")) {
    if (line.startsWith("(pass) ")) before = [];
    else before.push(line.slice(0, 300));
    if (line.startsWith("(fail) ")) {
      found.push(before.slice(-linesOfError).join("\n"));
      before = [];
    }
  }
  return found;
}

export interface Verdict {
  /** The last line is "N passed, N failed", followed by ", N skipped" if there are any. */
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

/** `repeated`: files that failed first and passed when repeated. */
export function verdict(runs: readonly Totals[], repeated: readonly string[], ci: boolean): Verdict {
  const sum = (key: keyof Totals): number => runs.reduce((total, run) => total + run[key], 0);
  const [passed, failed, skipped] = [sum("passed"), sum("failed"), sum("skipped")];
  const tooMany = repeated.length > repeatsAllowed;
  const lines = repeated.map((file) => `Passed at the second try only: ${file}`);
  if (repeated.length > 0)
    lines.push(
      `${repeated.length} ${repeated.length === 1 ? "file" : "files"} passed at the second try only; ${tooMany ? `more than ${repeatsAllowed} fail CI` : `CI allows ${repeatsAllowed}`}.`,
    );
  if (ci && skipped > 0) lines.push("A skipped test is a failure in CI.");
  lines.push(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return { lines, exitCode: failed > 0 || passed === 0 || (ci && (skipped > 0 || tooMany)) ? 1 : 0 };
}
