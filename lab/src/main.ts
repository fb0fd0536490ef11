/** `lab/lab`: takes `--name NAME` from in front of or behind the verb and leaves the rest to the command line of the product. */
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

// What an interrupted command left waiting for a lab that is down now does not hold the prompt.
process.exit(await lab(process.argv.slice(2)));
