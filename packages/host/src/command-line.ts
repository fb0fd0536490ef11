/**
 * From the table of commands to the running of one: dispatch by the name it was called by, arguments and options (strict), `--help`, `--version`, `--json`,
 * usage errors with an example and the nearest name, errors printed once with their advice.
 */
import type { Command } from "./command.ts";

/**
 * Runs the command that `argv0` (a link's name) or the first argument names and returns the exit code; never exits the process.
 * `argv` is without the executable's own path.
 */
export async function main(_commands: readonly Command[], _argv0: string, _argv: readonly string[]): Promise<number> {
  throw new Error("being written");
}
