/** What a run of the tests says at its end, and whether it was good. */
export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Files that may pass at their second try only before CI fails: more is a fault of the tests or of the product, not of one bad moment. */
export const repeatsAllowed = 2;

export interface Verdict {
  /** The last is "N passed, N failed", with ", N skipped" behind when there are any. */
  readonly lines: readonly string[];
  readonly exitCode: 0 | 1;
}

/** `repeated`: files that failed and passed when they were run once more. */
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
