/** The executable `nethsec`: the name it was called by selects the command (design decision 2). */
import { loadLocalHost } from "@nethsec/host/local/load-local-host";
import { uciMain } from "@nethsec/host/uci/main";

const { argv0 } = process;
const argv = process.argv.slice(2);
// Scripts call `uci` hundreds of times in a row: called by its own name it does not load the table of commands.
if (argv0 === "uci" || argv0.endsWith("/uci")) {
  process.exit(await uciMain(argv));
} else {
  const [{ main }, { commands }] = await Promise.all([
    import("@nethsec/host/command/command-line"),
    import("./commands.ts"),
  ]);
  process.exitCode = await main(commands, argv0, argv, loadLocalHost);
}
