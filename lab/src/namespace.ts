/** Runs programs in the namespaces of a lab's processes. */
import { NethsecError } from "@nethsec/host/error";
import type { Argv, Run, RunOptions, SpawnOptions } from "@nethsec/host/host";
import { localRun } from "@nethsec/host/process/local-run";
import { pace, paced } from "@nethsec/host/testing/pace";
import { program } from "./lab-name.ts";
import { isAlive, type Identity } from "./process.ts";

const local = localRun("/");

/** Runs programs of the host, and of the nodes through {@link inNode}. `timeoutMs` is multiplied by the machine's pace. */
export const run: Run = Object.assign(
  (argv: Argv, options: RunOptions) => local(argv, { ...options, timeoutMs: paced(options.timeoutMs) }),
  { spawn: (argv: Argv, options?: SpawnOptions) => local.spawn(argv, options) },
);

/** Drops capabilities that would let root in a node affect the host: setting the clock, loading modules. */
const withoutHostPowers = ["setpriv", "--bounding-set=-sys_time,-sys_module", "--"] as const;

/** The argv that runs `argv` as a process of the node whose process 1 is `init`. Throws if that process has ended. */
export function inNode(init: Identity, argv: Argv): Argv {
  const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--time"];
  return enter(init, namespaces, "/proc/1/stat", [...withoutHostPowers, ...argv]);
}

/** The argv that runs a program of the host in the network of a process. */
export function inNetwork(member: Identity, argv: Argv): Argv {
  return enter(member, ["--net"], `/proc/${member.pid}/stat`, argv);
}

/** The argv that runs a program of the host with the mounts of a process. */
export function inMounts(member: Identity, argv: Argv): Argv {
  return enter(member, ["--mount"], `/proc/${member.pid}/stat`, argv);
}

/**
 * PIDs are reused, on a busy machine within seconds: if the process ends just before nsenter(1) opens its namespaces, the program would run in
 * another process' namespaces, possibly the host's. The entered shell therefore reads in `stat` (proc(5)) when the process started, before it runs
 * the program: the start time that was expected means that the process lived all the while. Only builtins: programs of a node are started often.
 */
function enter(member: Identity, namespaces: readonly string[], stat: string, argv: Argv): Argv {
  if (!isAlive(member))
    throw new NethsecError({
      code: "process_gone",
      message: `Process ${member.pid} of the lab has ended.`,
      advice: `See what is running: ${program} list`,
    });
  const shell = ["sh", "-c", checkThenRun, "sh", stat, member.start];
  return ["nsenter", `--target=${member.pid}`, ...namespaces, "--", ...shell, ...argv];
}

/** The start time is the 20th field after the program's name, as in {@link identify}. */
const checkThenRun = [
  "start=; startOf() { set -- ${1##*) }; start=${20}; }",
  '{ read -r stat <"$1"; } 2>/dev/null && startOf "$stat"',
  '[ "$start" = "$2" ] || { echo "the node has ended meanwhile" >&2; exit 125; }',
  'shift 2; exec "$@"',
].join("\n");

/** Environment of every process in a node or of a lab. Includes the measured pace, so that programs of the lab do not measure again. */
export function labEnvironment(lab: string): Record<string, string> {
  return { NETHSEC_LAB: lab, NETHSEC_PACE: String(pace()), HOME: "/root", PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
}
