/**
 * Makes a cluster of the lab's two firewalls by the documented commands, and provides the conditions that tests, benches and scenarios wait
 * for. Uses installed commands only.
 */
import { messageOf } from "@nethsec/host/message-of";
import type { Lab } from "./lab.ts";
import { type NodeName, vip } from "./topology.ts";
import { until } from "@nethsec/host/testing/until";

export { vip } from "./topology.ts";
export type Firewall = "primary" | "backup";

export interface ClusterOptions {
  /** Default classic. */
  readonly timing?: "classic" | "fast";
  /** Receives each command line before it is run. */
  readonly say?: (line: string) => void;
}

/** The agent's status as printed with --json. */
export interface AgentView {
  readonly state: string;
  readonly converged: boolean;
  readonly conditions: readonly string[];
}

/** Runs the documented setup (DHCP options, checks, both initialisations), then waits until both nodes are settled and synchronised. */
export async function makeCluster(lab: Lab, options: ClusterOptions = {}): Promise<void> {
  const dhcp = ["3", "6"].map((option) => `uci add_list dhcp.lan.dhcp_option='${option},${vip}'`).join("; ");
  await lab.sh("primary", `uci -q delete dhcp.lan.dhcp_option; ${dhcp}; uci commit dhcp; reload_config`);
  const config = (action: string, password = false): Promise<string> => {
    options.say?.(`$ ns-ha-config ${action}`);
    return lab.sh("primary", `${password ? "echo Nethesis,1234 | " : ""}ns-ha-config ${action}`, { timeoutMs: 60_000 });
  };
  await config("check-backup-node 192.168.100.239 lan", true);
  await config(`init-primary-node 192.168.100.238 192.168.100.239 ${vip}/24 lan`);
  await config("init-backup-node lan", true);
  await inPlace(lab, "primary", "master");
  if (options.timing === "fast") await config("set-timing fast");
  await inPlace(lab, "backup", "backup");
  await synchronised(lab, () => config("sync --wait"));
  // Same effect as a renewed DHCP lease: the VIP becomes gateway and DNS server.
  await lab.sh("client1", `ip route replace default via ${vip} && echo nameserver ${vip} > /etc/resolv.conf`);
}

/**
 * With `fast`, a backup that gets no processor for 0.3 s takes over for a moment, and a synchronisation that meets this moment is refused. The next
 * one is not.
 */
async function synchronised(lab: Lab, sync: () => Promise<unknown>): Promise<void> {
  await until(
    async () => {
      await inPlace(lab, "backup", "backup");
      return sync().then(
        () => true,
        (error: unknown) => {
          if (!messageOf(error).includes("The backup node is master now")) throw error;
          return false;
        },
      );
    },
    { what: "the first synchronisation", timeoutMs: 60_000 },
  );
  await inPlace(lab, "backup", "backup");
}

/** The agent's status; undefined when it does not answer. */
export async function agentView(lab: Lab, node: Firewall): Promise<AgentView | undefined> {
  const { code, stdout } = await lab.exec(
    node,
    ["curl", "--silent", "--max-time", "3", "--unix-socket", "/var/run/ns-ha/agent.sock", "http://agent/status"],
    { ok: "any" },
  );
  if (code !== 0) return undefined;
  const status = JSON.parse(stdout) as { state: string; converged: boolean; conditions: { code: string }[] };
  return { state: status.state, converged: status.converged, conditions: status.conditions.map((each) => each.code) };
}

/** Waits until the node has that VRRP state and the agent has nothing left to do for it. */
export async function inPlace(lab: Lab, node: Firewall, state: string, timeoutMs = 30_000): Promise<void> {
  let last: AgentView | undefined;
  await until(
    async () => {
      last = await agentView(lab, node);
      return last?.state === state && last.converged;
    },
    { what: `${node} is in place as ${state}`, timeoutMs, everyMs: 100 },
  ).catch((error: unknown) => {
    throw new Error(`${messageOf(error)}; last seen: ${JSON.stringify(last)}`);
  });
}

/** Services that run on the node, by name. */
export async function runningServices(lab: Lab, node: NodeName): Promise<string[]> {
  const list = JSON.parse(await lab.sh(node, "ubus call service list")) as Record<
    string,
    // A service without a process has no instances.
    { instances?: Record<string, { running: boolean }> }
  >;
  const running = Object.entries(list).filter(([, { instances }]) =>
    Object.values(instances ?? {}).some((each) => each.running),
  );
  return running.map(([name]) => name).toSorted();
}

/** True when the device has an IPv4 address on that node. */
export async function hasAddress(lab: Lab, node: NodeName, address: string): Promise<boolean> {
  return (await lab.sh(node, "ip -4 -o address show")).includes(` ${address}/`);
}
