/** Runs the `uci` command inside the test's process. */
import type { Io } from "../src/command/command.ts";
import { fakeIo } from "../src/testing/fake-call.ts";
import { run } from "../src/uci/command.ts";

/** Output (stdout and stderr in the order of their writing) as UTF-8, and the exit status. */
export async function runUci(argv: readonly string[]): Promise<{ output: string; status: number }> {
  let output = "";
  const io: Io = {
    ...fakeIo().io,
    out: (text) => (output += text),
    err: (text) => (output += text),
    write: async (bytes) => void (output += new TextDecoder().decode(bytes)),
  };
  const status = await run({ rest: argv, io });
  return { output, status };
}
