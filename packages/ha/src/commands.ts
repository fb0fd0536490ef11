/** Commands of ns-ha, as data that imports no implementation. The actions of `ns-ha-config` are in config-actions.ts. */
import type { Command } from "@nethsec/host/command/command";
import { agentActions, agentTools } from "./agent/commands.ts";
import { configActions } from "./cli/config-actions.ts";

export const commands: readonly Command[] = [
  {
    name: "ns-ha-config",
    summary: "configure a cluster of two firewalls",
    description:
      "Makes two firewalls one: virtual addresses, connection tracking, configuration and services. Run it on the primary node. On the backup node too: status, show-config, history, diff, drill (each answers what that node knows), maintenance, and reset --force.",
    examples: [
      ["ns-ha-config check-primary-node lan", "is this node ready to be the primary?"],
      ["ns-ha-config init-primary-node 192.168.100.238 192.168.100.239 192.168.100.240/24 lan", "make it the primary"],
      ["ns-ha-config status", "how is the cluster?"],
    ],
    options: [{ name: "trace", summary: "tell each step on stderr (no secrets)" }],
    actions: configActions,
  },
  {
    name: "ns.ha",
    summary: "rpcd plugin of the cluster",
    path: "/usr/libexec/rpcd/ns.ha",
    raw: true,
    hidden: true,
    load: () => import("./cli/rpcd.ts"),
  },
  {
    name: "ns-ha",
    summary: "the resident agent of the cluster, and what it is called for",
    path: "/usr/sbin/ns-ha",
    actions: [
      {
        name: "render",
        summary: "write keepalived's and conntrackd's configuration, and tell them when it changed",
        description:
          "The init script runs it before keepalived starts and after each change of /etc/config/keepalived.",
        examples: [["ns-ha render", "after uci commit keepalived"]],
        load: () => import("./cli/render.ts"),
      },
      {
        name: "adopt",
        summary: "take over a pair that the older ns-ha made (primary node; the installation does it)",
        description:
          "By the key that the pair has, the backup gets the administrator's key, and its host key is pinned. Nothing else is changed.",
        examples: [["ns-ha adopt", "again, when the backup was not there or not installed yet"]],
        load: async () => ({ run: (await import("./cli/adopt.ts")).runAdopt }),
      },
      {
        name: "authorize",
        hidden: true,
        summary: "the backup's part of adopt: the primary's keys on stdin",
        load: async () => ({ run: (await import("./cli/adopt.ts")).runAuthorize }),
      },
      {
        name: "unauthorize",
        hidden: true,
        summary: "the backup's part of hand-back",
        load: async () => ({ run: (await import("./cli/adopt.ts")).runUnauthorize }),
      },
      {
        name: "hand-back",
        summary: "make this node ready for the older ns-ha (install.sh --back does it)",
        examples: [["ns-ha hand-back", "on the primary first, then on the backup"]],
        load: async () => ({ run: (await import("./cli/adopt.ts")).runHandBack }),
      },
      {
        name: "hold-timing",
        summary: "stand still while the primary changes its timing (called by set-timing)",
        hidden: true,
        load: async () => ({ run: (await import("./change/set-timing.ts")).runHoldTiming }),
      },
      ...agentActions,
    ],
  },
  ...agentTools,
];
