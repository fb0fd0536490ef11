/** `lab/lab`: extracts `--name NAME` (before or after the verb), then runs the product's command line parser. */
import { main } from "@nethsec/host/command/command-line";
import { loadLocalHost } from "@nethsec/host/local/load-local-host";
import { UsageError } from "@nethsec/host/error";
import { commands } from "./commands.ts";
import { program, takeLabName } from "./lab-name.ts";

function lab(argv: readonly string[]): Promise<number> {
  try {
    const { name, rest } = takeLabName(argv);
    process.env["LAB_NAME"] = name;
    return main(commands, program, rest, loadLocalHost);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    process.stderr.write(`${program}: ${thrown.message}\n${thrown.advice}\n`);
    return Promise.resolve(thrown.exitCode);
  }
}

// Exit explicitly: an interrupted command may leave pending work on a lab that is already down.
process.exit(await lab(process.argv.slice(2)));
