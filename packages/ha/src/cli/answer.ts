/** Output of every action of ns-ha-config: one JSON document with `--json`, sentences otherwise; and how a list of problems is reported. */
import type { Call } from "@nethsec/host/command/command";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { NethsecError } from "@nethsec/host/error";
import type { Problem } from "../cluster/checks.ts";

/** Prints the sentences, or `{"success": true, …facts}`; returns the exit code 0. */
export function succeed(
  call: Call,
  sentences: readonly string[],
  facts: Readonly<Record<string, unknown>> = {},
): number {
  if (call.json) call.io.out(`${JSON.stringify({ success: true, ...facts })}\n`);
  else call.io.out(textOfLines(sentences));
  return 0;
}

/** Prints one problem per line; returns the exit code 1. */
export function failWith(call: Call, title: string, problems: readonly Pick<Problem, "code" | "message">[]): number {
  if (call.json) {
    const errors = problems.map(({ code, message }) => ({ code, message }));
    call.io.out(`${JSON.stringify({ success: false, errors })}\n`);
  } else call.io.err(textOfLines([title, ...problems.map(({ message }) => `  - ${message}`)]));
  return 1;
}

/** Progress for a person at the terminal; silent with `--json` or when output goes to a file. */
export function progress(call: Call, text: string): void {
  if (!call.json && call.io.stdoutIsTerminal) call.io.err(`${text}\n`);
}

/** Runs a change of both nodes, or a switchover. Ctrl-C does not interrupt it half-way: it is completed or undone first, and a message says so. */
export async function changing<T>(call: Call, text: string, work: () => Promise<T>): Promise<T> {
  progress(call, text);
  const say = (): void => {
    if (!call.json) call.io.err("The change is completed or undone first, so that the nodes do not differ…\n");
  };
  call.signal.addEventListener("abort", say, { once: true });
  try {
    return await work();
  } finally {
    call.signal.removeEventListener("abort", say);
  }
}

/**
 * The action as it was typed: `action` with its arguments, then the options of this call. For refusals that name the command to run on the other
 * node. Values with shell metacharacters are quoted.
 */
export function asTyped(call: Pick<Call, "options" | "json">, action: string): string {
  const options = Object.entries(call.options).flatMap(([name, value]) =>
    value === true
      ? [`--${name}`]
      : [`--${name}`, /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`],
  );
  const json = call.json && !options.includes("--json") ? ["--json"] : [];
  return [action, ...options, ...json].join(" ");
}

/** A required argument. The command table enforces it, so a missing one is a bug. */
export function argument(call: Call, name: string): string {
  const value = call.args[name];
  if (value === undefined) throw new Error(`the argument ${name} is not declared`);
  return value;
}

/** Root's password: a prompt without echo on a terminal, else one line of stdin. */
export async function readPassword(call: Call, node: string): Promise<string> {
  const password = await call.io.readSecret(`Password of root on the backup node ${node}: `);
  if (password !== "") return password;
  throw new NethsecError({
    code: "password_missing",
    message: "No password was given.",
    advice: `Type it at the prompt, or: echo "password" | ${call.calledAs} …`,
    exitCode: 2,
  });
}
