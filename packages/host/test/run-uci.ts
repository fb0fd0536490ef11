/** Runs the `uci` command inside the test's process. */
import type { Io } from "../src/command.ts";
import { run } from "../src/uci-command.ts";

/** Output (stdout and stderr in the order of their writing) as UTF-8, and the exit status. */
export async function runUci(argv: readonly string[]): Promise<{ output: string; status: number }> {
  let output = "";
  const unused = (): never => {
    throw new Error("uci does not use this");
  };
  const io: Io = {
    out: (text) => (output += text),
    err: (text) => (output += text),
    write: async (bytes) => {
      output += new TextDecoder().decode(bytes);
    },
    stdin: new ReadableStream(),
    readAll: unused,
    readLine: unused,
    readSecret: unused,
    stdinIsTerminal: false,
    stdoutIsTerminal: false,
    color: false,
    columns: 80,
    env: {},
  };
  const status = await run({ rest: argv, io });
  return { output, status };
}
