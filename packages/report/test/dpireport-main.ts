/** The commands of this package as a program, called as `dpireport`: the dispatch, signals and exit codes are the real ones. */
import { loadLocalHost } from "@nethsec/host/local/load-local-host";
import { main } from "@nethsec/host/command/command-line";
import { commands } from "../src/commands.ts";

process.exitCode = await main(commands, "dpireport", process.argv.slice(2), loadLocalHost);
