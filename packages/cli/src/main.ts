/** The executable `nethsec`: the name it was called by selects the command (design decision 2). */
import { main } from "@nethsec/host/command-line";
import { commands } from "./commands.ts";

process.exitCode = await main(commands, process.argv0, process.argv.slice(2));
