/** Entering the namespaces of a lab's processes. */
import type { Argv, Run } from "@nethsec/host/host";
import { localRun } from "@nethsec/host/local-run";
import type { Identity } from "./process.ts";

/** Runs programs of the host, and of the nodes through {@link inNode}. */
export const run: Run = localRun("/");

/** What no program in a node may do to the host, root though it is: set its clock, load modules. */
const withoutHostPowers = ["setpriv", "--bounding-set=-sys_time,-sys_module", "--"] as const;

/** The argv that runs `argv` as a process of the node whose process 1 is `init`. */
export function inNode(init: Identity, argv: Argv): Argv {
  return [
    "nsenter",
    `--target=${init.pid}`,
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--pid",
    "--time",
    "--",
    ...withoutHostPowers,
    ...argv,
  ];
}

/** The argv that runs a program of the host in the network of a process. */
export function inNetwork(member: Identity, argv: Argv): Argv {
  return ["nsenter", `--target=${member.pid}`, "--net", "--", ...argv];
}

/** The argv that runs a program of the host with the mounts of a process. */
export function inMounts(member: Identity, argv: Argv): Argv {
  return ["nsenter", `--target=${member.pid}`, "--mount", "--", ...argv];
}

/** The environment of everything that runs in a node or for a lab. */
export function labEnvironment(lab: string): Record<string, string> {
  return { NETHSEC_LAB: lab, HOME: "/root", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
}
