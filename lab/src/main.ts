/** `lab/lab`: takes `--name NAME` from in front of or behind the verb and leaves the rest to the command line of the product. */
import { main } from "@nethsec/host/command-line";
import { commands } from "./commands.ts";
import { takeLabName } from "./lab-name.ts";

const { name, rest } = takeLabName(process.argv.slice(2));
process.env["LAB_NAME"] = name;
process.exitCode = await main(commands, "lab", rest);
