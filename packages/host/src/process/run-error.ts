/** Errors of started programs. */
import { NethsecError } from "../error.ts";
import type { Argv, RunResult } from "../host.ts";

/** Codes: "program_not_found", "program_not_started", "program_timed_out", "program_aborted", "program_failed". */
export class RunError extends NethsecError {
  readonly argv: Argv;
  /** undefined when the program could not be started. */
  readonly result: RunResult | undefined;
  constructor(facts: { code: string; argv: Argv; message: string; result?: RunResult; cause?: unknown }) {
    super({ code: facts.code, message: facts.message, cause: facts.cause });
    this.argv = facts.argv;
    this.result = facts.result;
  }
}

/** Replaces each secret by "***"; the empty string and single characters are not masked. */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((masked, secret) => (secret.length > 1 ? masked.replaceAll(secret, "***") : masked), text);
}

/** The command in shell syntax, cut at 300 characters: for messages only. */
export function showArgv(argv: Argv): string {
  const shown = argv.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`)).join(" ");
  return shown.length > 300 ? `${shown.slice(0, 300)}…` : shown;
}

export function failedRun(argv: Argv, result: RunResult, timeoutMs: number, secrets: readonly string[]): RunError {
  const [program, ...args] = argv;
  const clean: RunResult = {
    ...result,
    stdout: maskSecrets(result.stdout, secrets),
    stderr: maskSecrets(result.stderr, secrets),
  };
  const said = lastWords(clean.stderr) ?? lastWords(clean.stdout);
  const how = clean.timedOut
    ? `did not end within ${timeoutMs / 1000} s and was killed`
    : clean.code === null
      ? "was ended by a signal"
      : `ended with exit code ${clean.code}`;
  return new RunError({
    code: clean.timedOut ? "program_timed_out" : "program_failed",
    argv: [program, ...args.map((arg) => maskSecrets(arg, secrets))],
    result: clean,
    message: maskSecrets(`${showArgv(argv)} ${how}${said === undefined ? "" : `: ${said}`}`, secrets),
  });
}

/** The last three non-empty lines. */
function lastWords(output: string): string | undefined {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return lines.length === 0 ? undefined : lines.slice(-3).join(" / ").slice(0, 500);
}
