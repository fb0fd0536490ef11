/** The executable of these tests: the real dispatch with the commands of the host layer only, so that it is compiled in a moment. */
import { commands } from "../src/commands.ts";
import { main } from "../src/command-line.ts";

process.exitCode = await main(commands, "uci", process.argv.slice(2));
