/**
 * The switches and the nodes' disks: a process that does nothing holds a network namespace with one bridge a network, and a mount
 * namespace with two file systems a node: `disk` (kept over a power cut) and `volatile` (/tmp, /var, /run). When that process ends,
 * all of it is gone, and the host has never seen any of it.
 *
 * Cables are pairs of virtual devices: the port is on a bridge here, the other end in the node. Faults are a pure function of
 * `Faults` (one nftables table, the state of the ports) and are put in place as a whole each time.
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

/** Bytes that a node can write to its disk, and to /tmp and /var together. What is not written costs nothing. */
const diskSize = "128m";
const volatileSize = "64m";

/** Starts the holding process and makes switches and file systems in it. */
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
  // A switch does not filter: bridged packets must not meet this namespace's own packet filter.
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

/** Connects the cables of a node that has just got its namespaces; a cable that was cut stays cut. */
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
          // Frames as on a cable: nothing larger than the MTU, which nDPI would not take for a packet.
          `link add name ${port} gso_max_segs 1 type veth peer name ${device} gso_max_segs 1 address ${macAddress(plan.name, device)} netns ${init.pid}`,
          `link set ${port} master ${network}`,
          ...(faults.cut.includes(port) ? [] : [`link set ${port} up`]),
        ];
      }),
    ),
  );
}

/** The cables of a node lose their signal; `plug` gives it new ones. Not being there is success. */
export async function silence(holder: Identity, plan: NodePlan): Promise<void> {
  await batch(
    holder,
    wired(plan).map(({ device }) => `link set ${portName(plan.name, device)} down`),
    { force: true },
  );
}

/** Takes the cables of a node away, at once. Not being there is success. */
export async function unplug(holder: Identity, plan: NodePlan): Promise<void> {
  await batch(
    holder,
    wired(plan).map(({ device }) => `link del ${portName(plan.name, device)}`),
    { force: true },
  );
}

/** Makes the switches behave as `faults` says. */
export async function applyFaults(holder: Identity, plans: readonly NodePlan[], faults: Faults): Promise<void> {
  const ports = plans.flatMap((plan) => wired(plan).map(({ device }) => portName(plan.name, device)));
  await batch(
    holder,
    ports.map((port) => `link set ${port} ${faults.cut.includes(port) ? "down" : "up"}`),
    { force: true },
  );
  await run(inNetwork(holder, ["nft", "-f", "-"]), { timeoutMs: 5000, stdin: faultRules(plans, faults) });
}

/** The nftables text that drops what `faults` says. Loss is drawn in ten-thousandths, for each direction of a cable. */
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

/** Lines of ip(8) in the network of a process; with `force` a line that fails does not stop the others. */
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

/** Bytes written on the nodes' disks, which are memory; `dirs`: of the nodes. */
export async function bytesOnDisks(holder: Identity, dirs: readonly string[]): Promise<number> {
  const mounts = dirs.flatMap((dir) => [`${dir}/disk`, `${dir}/volatile`]);
  const argv = inMounts(holder, ["df", "--block-size=1", "--output=used", "--type=tmpfs", ...mounts]);
  const { stdout } = await run(argv, { timeoutMs: 5000 });
  return stdout
    .split("\n")
    .slice(1)
    .reduce((sum, line) => sum + Number(line), 0);
}
