/** What to say when there is nothing to show: from what the daemon says about itself to the next step. */
import type { Call } from "@nethsec/host/command";
import { readStatus } from "../daemon-status.ts";
import { nextStep } from "../query/next-step.ts";
import { reportPath } from "../report-path.ts";

/** Prints to stderr, so that a pipe gets nothing; exit code 0: an empty report is no error. */
export function nothingYet(call: Call, what: string): number {
  const base = reportPath(call.io.env, call.host.uci);
  const { text, command } = nextStep(readStatus(call.host.files, base), base);
  call.io.err(`${what}\n${text}${command === undefined ? "" : `\n  ${command}`}\n`);
  return 0;
}
