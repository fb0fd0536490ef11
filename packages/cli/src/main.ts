/** The executable `nethsec`: the name it was called by selects the command (design decision 2). */
import { main } from "@nethsec/host/command-line";

// `uci` is called by scripts hundreds of times in a row: by its own name it waits for no other command's table.
const { argv0 } = process;
const { commands } =
  argv0 === "uci" || argv0.endsWith("/uci") ? await import("@nethsec/host/commands") : await import("./commands.ts");
process.exitCode = await main(commands, argv0, process.argv.slice(2));
