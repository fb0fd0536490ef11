/** Which lab a command is about, and how to type a command for it. */
import { UsageError } from "@nethsec/host/error";

/** What the lab is called as: `lab/lab` in a checkout, `nethsec-lab` where its package is installed (lab/lab). */
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

/** What to type for that lab, e.g. "lab/lab --name second". */
export function labCommand(name: string): string {
  return name === "lab" ? program : `${program} --name ${name}`;
}
