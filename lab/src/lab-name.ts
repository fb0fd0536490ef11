/** The lab that a command line addresses, and the command line that addresses a lab. */
import { UsageError } from "@nethsec/host/error";

/** Name of the lab's command: `lab/lab` in a checkout, `nethsec-lab` when installed from its package (lab/lab). */
export const program: string = process.env["LAB_COMMAND"] ?? "lab/lab";

/** Splits `--name NAME` (default "lab") from an argv; what follows `--` belongs to the program that `exec` runs. */
export function takeLabName(argv: readonly string[]): { readonly name: string; readonly rest: readonly string[] } {
  const end = argv.indexOf("--");
  const own = end === -1 ? argv : argv.slice(0, end);
  const index = own.findIndex((word) => word === "--name" || word.startsWith("--name="));
  const found = own[index];
  if (found === undefined) return { name: "lab", rest: argv };
  const joined = found.startsWith("--name=");
  const name = joined ? found.slice("--name=".length) : own[index + 1];
  if (name === undefined || name === "")
    throw new UsageError("--name wants the name of a lab.", `${program} --name second up`);
  return { name, rest: argv.filter((_, at) => at !== index && (joined || at !== index + 1)) };
}

/** Command line for that lab, e.g. "lab/lab --name second". */
export function labCommand(name: string): string {
  return name === "lab" ? program : `${program} --name ${name}`;
}
