/** Runs a command's implementation on a fake host, as the command line would, and keeps what it prints. */
import type { Call, RunCommand } from "@nethsec/host/command";
import type { FakeHost } from "@nethsec/host/testing/fake-host";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CallFacts {
  readonly args?: Readonly<Record<string, string>>;
  readonly rest?: readonly string[];
  readonly options?: Readonly<Record<string, string | true>>;
  readonly json?: boolean;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export async function runCommand(run: RunCommand, host: FakeHost, facts: CallFacts = {}): Promise<Ran> {
  let out = "";
  let err = "";
  const lines = (facts.stdin ?? "").split("\n");
  const call: Call = {
    args: facts.args ?? {},
    rest: facts.rest ?? [],
    options: facts.options ?? {},
    json: facts.json ?? false,
    calledAs: "ns-report",
    host,
    signal: facts.signal ?? new AbortController().signal,
    io: {
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      write: async (bytes) => void (out += new TextDecoder().decode(bytes)),
      stdin: new Blob([facts.stdin ?? ""]).stream(),
      readAll: async () => facts.stdin ?? "",
      readLine: async () => lines.shift(),
      readSecret: async () => lines.shift() ?? "",
      stdinIsTerminal: false,
      stdoutIsTerminal: false,
      color: false,
      columns: 80,
      env: facts.env ?? {},
    },
  };
  const code = await run(call);
  return { code, out, err };
}
