/** `lab exec` and `lab shell`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { UsageError } from "@nethsec/host/error";
import type { RunCommand } from "@nethsec/host/command/command";
import type { Argv } from "@nethsec/host/host";
import type { Lab } from "../lab.ts";
import { nodeName, type NodeName } from "../topology.ts";
import { labOf, typed } from "./lab-of-call.ts";

export const exec: RunCommand = async ({ args, rest, io }) => {
  const [program, ...others] = rest;
  if (program === undefined) throw new UsageError("Which program?", `${typed(io.env)} exec primary -- ip address`);
  return attached(labOf(io.env), nodeName(args["node"] ?? ""), [program, ...others]);
};

export const shell: RunCommand = async ({ args, io }) =>
  attached(labOf(io.env), nodeName(args["node"] ?? ""), [
    "sh",
    "-c",
    'cd; exec "$(awk -F: \'$1 == "root" { print $7 }\' /etc/passwd)" -l',
  ]);

/** Runs the program with this command's stdin, stdout, stderr and terminal, without a timeout; returns its exit code. */
async function attached(lab: Lab, name: NodeName, argv: Argv): Promise<number> {
  const node = lab.node(name);
  const [program, ...args] = node.argv(argv);
  const child = spawn(program, args, {
    stdio: "inherit",
    env: { ...node.environment(), TERM: process.env["TERM"] ?? "dumb" },
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? (signal === "SIGINT" ? 130 : 1);
}
