/** Runs a command's implementation on a fake host, as the command line would, and captures its output. */
import type { RunCommand } from "@nethsec/host/command/command";
import { fakeCall, type CallFacts } from "@nethsec/host/testing/fake-call";
import type { FakeHost } from "@nethsec/host/testing/fake-host";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function runCommand(run: RunCommand, host: FakeHost, facts: CallFacts = {}): Promise<Ran> {
  const { call, output } = fakeCall(host, { calledAs: "ns-report", ...facts });
  return { code: await run(call), ...output };
}
