/** `uci` called by its own name: the command without the table of commands, whose help, arguments and errors are not `uci`'s. */
import { localOutput, PipeClosed } from "../command/local-output.ts";
import { run } from "./command.ts";

/** Runs `uci` on the standard streams; returns the exit status, all output being written. */
export async function uciMain(argv: readonly string[]): Promise<number> {
  try {
    return await run({ rest: argv, io: localOutput });
  } catch (thrown) {
    if (thrown instanceof PipeClosed) return thrown.exitCode;
    throw thrown;
  }
}
