/** Commands of the agent and of the synchronisation, as data that loads no implementation. */
import type { Command } from "@nethsec/host/command/command";

const tools = () => import("./tools.ts");

/** Actions of `ns-ha`. */
export const agentActions: readonly Command[] = [
  {
    name: "agent",
    summary: "run in the foreground, as /etc/init.d/ns-ha does",
    examples: [["ns-ha agent", "stays until it is stopped; logs to syslog"]],
    load: async () => ({ run: (await tools()).runAgentCommand }),
  },
  {
    name: "restore",
    summary: "apply what the primary sent (backup node), as ACTION=NOTIFY_SYNC /sbin/hotplug-call keepalived does",
    examples: [["ns-ha restore", "prints what changed"]],
    load: async () => ({ run: (await tools()).runRestore }),
  },
  {
    name: "sync-receive",
    hidden: true,
    summary: "what the key of the synchronisation may do (forced command)",
    load: () => import("../sync/sync-receive.ts"),
  },
  {
    name: "metrics",
    textOnly: true,
    summary: "state of this node as OpenMetrics text",
    examples: [["ns-ha metrics", "for a collector that runs commands"]],
    load: async () => ({ run: (await tools()).runMetrics }),
  },
];

/** Names of their own, as the documentation has them. */
export const agentTools: readonly Command[] = [
  {
    name: "ns-ha-export",
    path: "/usr/libexec/ns-ha-export",
    summary: "write the network configuration that the backup needs to /etc/ha (primary node)",
    examples: [["/usr/libexec/ns-ha-export", "each synchronisation does it"]],
    load: async () => ({ run: (await tools()).runExport }),
  },
  {
    name: "ns-ha-import",
    path: "/usr/libexec/ns-ha-import",
    summary: "take the network configuration in /etc/ha into this node's, disabled (backup node)",
    examples: [["/usr/libexec/ns-ha-import", "each restore does it"]],
    load: async () => ({ run: (await tools()).runImport }),
  },
  {
    name: "ns-ha-enable",
    path: "/usr/libexec/ns-ha-enable",
    summary: "bring up WAN, IPsec, WireGuard and tun interfaces and routes of the active node",
    description: "The agent does it when this node becomes master; by hand it is for a node whose agent does not run.",
    examples: [["/usr/libexec/ns-ha-enable", "e.g. in a rescue"]],
    load: async () => ({ run: (await tools()).runEnable }),
  },
  {
    name: "ns-rsync.sh",
    path: "/etc/keepalived/scripts/ns-rsync.sh",
    summary: "synchronise the backup node now (primary node)",
    examples: [["/etc/keepalived/scripts/ns-rsync.sh", "as older clusters did; the same as: ns-ha-config sync --wait"]],
    load: async () => ({ run: (await tools()).runSync }),
  },
];
