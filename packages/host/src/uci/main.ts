/** `uci` called by its own name: bypasses the table of commands, whose help, argument and error handling differs from `uci`'s. */
import { localOutput, PipeClosed } from "../command/local-output.ts";
import { run } from "./command.ts";

/** Runs `uci` on the standard streams; returns the exit status after all output is written. */
export async function uciMain(argv: readonly string[]): Promise<number> {
  try {
    return await run({ rest: argv, io: localOutput });
  } catch (thrown) {
    if (thrown instanceof PipeClosed) return thrown.exitCode;
    throw thrown;
  }
}
