/**
 * Switches and disks of the nodes. An idle process (the holder) keeps a network namespace with one bridge per network, and a mount
 * namespace with two file systems per node: `disk` (kept over a power cut) and `volatile` (/tmp, /var, /run). When the holder ends,
 * all of them are gone. None is visible in the host's own namespaces.
 *
 * Cables are veth pairs: one end (the port) is attached to a bridge here, the other is in the node. The fault rules (one nftables table,
 * the state of the ports) are a pure function of `Faults` and are always replaced as a whole.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { NethsecError } from "@nethsec/host/error";
import type { Faults } from "./faults.ts";
import { inMounts, inNetwork, labEnvironment, run } from "./namespace.ts";
import { identify, type Identity } from "./process.ts";
import type { State } from "./state.ts";
import { macAddress, networkNames, portName, wired, type NodeName, type NodePlan } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

/** Size limit of a node's disk, and of its /tmp and /var together. tmpfs: unused space takes no memory. */
const diskSize = "128m";
const volatileSize = "64m";

/** Starts the holder process and creates switches and file systems in its namespaces. */
export async function startFabric(state: State, plans: readonly NodePlan[]): Promise<Identity> {
  const child = spawn("unshare", ["--mount", "--net", "--propagation", "private", "sleep", "infinity"], {
    detached: true,
    stdio: "ignore",
    cwd: "/",
    env: labEnvironment(state.name),
  });
  child.unref();
  const pid = child.pid;
  if (pid === undefined)
    throw new NethsecError({
      code: "program_not_found",
      message: "unshare cannot be started.",
      advice: "Install util-linux.",
    });
  const ended = new AbortController();
  child.once("exit", () =>
    ended.abort(
      new NethsecError({ code: "namespaces_refused", message: "unshare could not make the lab's namespaces." }),
    ),
  );
  const holder = await until(() => (comm(pid) === "sleep" ? identify(pid) : undefined), {
    what: "the namespaces of the lab exist",
    timeoutMs: 5000,
    everyMs: 2,
    signal: ended.signal,
  });
  for (const plan of plans)
    for (const dir of ["root", "disk", "volatile"])
      mkdirSync(`${state.nodeDir(plan.name)}/${dir}`, { recursive: true });
  await Promise.all([
    run(inMounts(holder, ["sh", "-euc", mountScript, "sh", ...plans.map((plan) => state.nodeDir(plan.name))]), {
      timeoutMs: 10_000,
    }),
    batch(holder, [
      "link set lo up",
      ...networkNames.flatMap((name) => [
        `link add name ${name} type bridge stp_state 0 mcast_snooping 0`,
        `link set ${name} up`,
      ]),
    ]),
  ]);
  // A switch does not filter: keep bridged packets out of this namespace's iptables and nftables hooks.
  await run(
    inNetwork(holder, [
      "sysctl",
      "-qw",
      "-e",
      "net.bridge.bridge-nf-call-iptables=0",
      "net.bridge.bridge-nf-call-ip6tables=0",
      "net.bridge.bridge-nf-call-arptables=0",
    ]),
    { timeoutMs: 5000, ok: "any" },
  );
  return holder;
}

const mountScript = `for dir; do
  mount -t tmpfs -o size=${diskSize},mode=755 lab-disk "$dir/disk"
  mkdir "$dir/disk/upper" "$dir/disk/work"
  mount -t tmpfs -o size=${volatileSize},mode=1777 lab-volatile "$dir/volatile"
done`;

/** A fresh /tmp and /var, as after power-on. */
export async function emptyVolatile(state: State, holder: Identity, node: NodeName): Promise<void> {
  const dir = `${state.nodeDir(node)}/volatile`;
  await run(
    inMounts(holder, [
      "sh",
      "-euc",
      `umount -l "$1"; mount -t tmpfs -o size=${volatileSize},mode=1777 lab-volatile "$1"`,
      "sh",
      dir,
    ]),
    { timeoutMs: 10_000 },
  );
}

/** A path of a node's disk or volatile folder, readable from the host. */
export function insideHolder(holder: Identity, path: string): string {
  return `/proc/${holder.pid}/root${path}`;
}

/** Connects the cables of a node whose namespaces were just created; cut cables stay cut. */
export async function plug(
  holder: Identity,
  nodes: readonly { readonly plan: NodePlan; readonly init: Identity }[],
  faults: Faults,
): Promise<void> {
  await batch(
    holder,
    nodes.flatMap(({ plan, init }) =>
      wired(plan).flatMap(({ device, network }) => {
        const port = portName(plan.name, device);
        return [
          // No segmentation offload: frames never exceed the MTU, as on a real cable. nDPI rejects larger ones.
          `link add name ${port} gso_max_segs 1 type veth peer name ${device} gso_max_segs 1 address ${macAddress(plan.name, device)} netns ${init.pid}`,
          `link set ${port} master ${network}`,
          ...(faults.cut.includes(port) ? [] : [`link set ${port} up`]),
        ];
      }),
    ),
  );
}

/** Sets the node's ports down (loss of carrier); `plug` creates new cables. Succeeds if the ports are gone already. */
export async function silence(holder: Identity, plan: NodePlan): Promise<void> {
  await batch(
    holder,
    wired(plan).map(({ device }) => `link set ${portName(plan.name, device)} down`),
    { force: true },
  );
}

/** Deletes the node's cables immediately. Succeeds if they are gone already. */
export async function unplug(holder: Identity, plan: NodePlan): Promise<void> {
  await batch(
    holder,
    wired(plan).map(({ device }) => `link del ${portName(plan.name, device)}`),
    { force: true },
  );
}

/** Applies `faults` to the switches. */
export async function applyFaults(holder: Identity, plans: readonly NodePlan[], faults: Faults): Promise<void> {
  const ports = plans.flatMap((plan) => wired(plan).map(({ device }) => portName(plan.name, device)));
  await batch(
    holder,
    ports.map((port) => `link set ${port} ${faults.cut.includes(port) ? "down" : "up"}`),
    { force: true },
  );
  await run(inNetwork(holder, ["nft", "-f", "-"]), { timeoutMs: 5000, stdin: faultRules(plans, faults) });
}

/** nftables rules that implement `faults`. Loss has a resolution of 1/10,000 and applies to each direction of a cable. */
export function faultRules(plans: readonly NodePlan[], faults: Faults): string {
  const rules: string[] = [];
  for (const [port, percent] of Object.entries(faults.loss)) {
    const chance = `numgen random mod 10000 < ${Math.round(percent * 100)} drop`;
    rules.push(`iifname "${port}" ${chance}`, `oifname "${port}" ${chance}`);
  }
  for (const [one, other] of faults.partitions) {
    const sets = [one, other].map((name) =>
      plans
        .filter((plan) => plan.name === name)
        .flatMap((plan) => wired(plan).map(({ device }) => `"${portName(name, device)}"`))
        .join(", "),
    );
    rules.push(
      `iifname { ${sets[0]} } oifname { ${sets[1]} } drop`,
      `iifname { ${sets[1]} } oifname { ${sets[0]} } drop`,
    );
  }
  return `table bridge faults\ndelete table bridge faults\ntable bridge faults {\n  chain forward {\n    type filter hook forward priority 0;\n${rules.map((rule) => `    ${rule}\n`).join("")}  }\n}\n`;
}

/** Runs a batch of ip(8) commands in the network namespace of a process; with `force` it continues after a failing line. */
export async function batch(
  member: Identity,
  lines: readonly string[],
  options: { readonly force?: boolean } = {},
): Promise<void> {
  await run(inNetwork(member, ["ip", ...(options.force === true ? ["-force"] : []), "-batch", "-"]), {
    timeoutMs: 10_000,
    stdin: `${lines.join("\n")}\n`,
    ...(options.force === true ? { ok: "any" } : {}),
  });
}

function comm(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

/** Bytes used on the nodes' disks (tmpfs, so this is memory); `dirs`: the nodes' folders. */
export async function bytesOnDisks(holder: Identity, dirs: readonly string[]): Promise<number> {
  const mounts = dirs.flatMap((dir) => [`${dir}/disk`, `${dir}/volatile`]);
  const argv = inMounts(holder, ["df", "--block-size=1", "--output=used", "--type=tmpfs", ...mounts]);
  const { stdout } = await run(argv, { timeoutMs: 5000 });
  return stdout
    .split("\n")
    .slice(1)
    .reduce((sum, line) => sum + Number(line), 0);
}
