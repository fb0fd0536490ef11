/** The message for an empty report: derives the next step from the daemon's status. */
import type { Call } from "@nethsec/host/command/command";
import { readStatus } from "../store/daemon-status.ts";
import { nextStep } from "../query/next-step.ts";
import { reportPath } from "../store/report-path.ts";

/**
 * Prints to stderr, so that a pipe gets nothing; exit code 0: an empty report is no error. `mayStillCome`: figures of the requested time may still be
 * counted.
 */
export function nothingYet(call: Call, what: string, mayStillCome = true): number {
  if (!mayStillCome) {
    call.io.err(`${what}\nDays that have reports: ns-report days\n`);
    return 0;
  }
  const base = reportPath(call.io.env, call.host.uci);
  const { text, command } = nextStep(readStatus(call.host.files, base), base);
  call.io.err(`${what}\n${text}${command === undefined ? "" : `\n  ${command}`}\n`);
  return 0;
}
