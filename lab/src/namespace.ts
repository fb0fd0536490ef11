/** Entering the namespaces of a lab's processes. */
import { NethsecError } from "@nethsec/host/error";
import type { Argv, Run, RunOptions, SpawnOptions } from "@nethsec/host/host";
import { localRun } from "@nethsec/host/process/local-run";
import { pace, paced } from "@nethsec/host/testing/pace";
import { program } from "./lab-name.ts";
import { isAlive, namespaceName, type Identity } from "./process.ts";

const local = localRun("/");

/** Runs programs of the host, and of the nodes through {@link inNode}. `timeoutMs` is stretched by the machine's pace. */
export const run: Run = Object.assign(
  (argv: Argv, options: RunOptions) => local(argv, { ...options, timeoutMs: paced(options.timeoutMs) }),
  { spawn: (argv: Argv, options?: SpawnOptions) => local.spawn(argv, options) },
);

/** What no program in a node may do to the host, root though it is: set its clock, load modules. */
const withoutHostPowers = ["setpriv", "--bounding-set=-sys_time,-sys_module", "--"] as const;

/** The argv that runs `argv` as a process of the node whose process 1 is `init`. Throws when that has ended. */
export function inNode(init: Identity, argv: Argv): Argv {
  return enter(init, ["--mount", "--uts", "--ipc", "--net", "--pid", "--time"], "net", [...withoutHostPowers, ...argv]);
}

/** The argv that runs a program of the host in the network of a process. */
export function inNetwork(member: Identity, argv: Argv): Argv {
  return enter(member, ["--net"], "net", argv);
}

/** The argv that runs a program of the host with the mounts of a process. */
export function inMounts(member: Identity, argv: Argv): Argv {
  return enter(member, ["--mount"], "mnt", argv);
}

/**
 * Process numbers are given again, on a busy machine within seconds: a process that ends just before nsenter(1) looks at it would let the
 * program run in somebody else's namespaces, the host's among them. So what enters checks first that it is where it should be.
 */
function enter(member: Identity, namespaces: readonly string[], kind: "net" | "mnt", argv: Argv): Argv {
  const expected = namespaceName(member.pid, kind);
  if (expected === undefined || !isAlive(member))
    throw new NethsecError({
      code: "process_gone",
      message: `Process ${member.pid} of the lab has ended.`,
      advice: `See what is running: ${program} list`,
    });
  return [
    "nsenter",
    `--target=${member.pid}`,
    ...namespaces,
    "--",
    "sh",
    "-c",
    checkThenRun,
    "sh",
    `/proc/self/ns/${kind}`,
    expected,
    ...argv,
  ];
}

const checkThenRun =
  '[ "$(readlink "$1")" = "$2" ] || { echo "the node has ended meanwhile" >&2; exit 125; }; shift 2; exec "$@"';

/** The environment of everything that runs in a node or for a lab; programs of the lab there need not measure the pace again. */
export function labEnvironment(lab: string): Record<string, string> {
  return { NETHSEC_LAB: lab, NETHSEC_PACE: String(pace()), HOME: "/root", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
}
