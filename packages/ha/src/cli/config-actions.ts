/** The actions of `ns-ha-config`: names, arguments and examples as in the documentation. Data only. */
import type { Arg, Command, RunCommand } from "@nethsec/host/command/command";

const lan: Arg = { name: "lan_interface", summary: "network interface, e.g. lan" };
const primaryIp: Arg = { name: "primary_node_ip", summary: "static address of the primary node on that interface" };
const backupIp: Arg = { name: "backup_node_ip", summary: "static address of the backup node on that interface" };
const virtualIp = (name: string): Arg => ({
  name,
  summary: "virtual address in CIDR notation, e.g. 192.168.100.240/24",
});
const interfaceArg: Arg = { name: "interface", summary: "network interface of the cluster, e.g. lan2" };

/** Loads the implementation on first use, and wraps it with `--trace`. */
function lazy(load: () => Promise<RunCommand>): NonNullable<Command["load"]> {
  return async () => {
    const [run, { traced }] = await Promise.all([load(), import("./trace.ts")]);
    return { run: traced(run) };
  };
}

const password = "The password of root on the backup node is asked for, or read from standard input.";

export const configActions: readonly Command[] = [
  {
    name: "check-primary-node",
    summary: "check the requirements of the primary node",
    description:
      "The interface must be static; its DHCP server, if any, must announce the virtual IP as router (option 3) and a DNS server (option 6).",
    args: [lan],
    examples: [["ns-ha-config check-primary-node lan", "check this node"]],
    load: lazy(async () => (await import("./check.ts")).checkPrimaryNode),
  },
  {
    name: "check-backup-node",
    summary: "check the requirements of the backup node",
    description: `The node must answer to SSH on port 22 as root and have a static address on the interface. ${password}`,
    args: [backupIp, lan],
    examples: [
      ["ns-ha-config check-backup-node 192.168.100.239 lan", "asks for the password"],
      ["echo Nethesis,1234 | ns-ha-config check-backup-node 192.168.100.239 lan", "password on standard input"],
    ],
    load: lazy(async () => (await import("./check.ts")).checkBackupNode),
  },
  {
    name: "init-primary-node",
    summary: "configure this node as primary",
    args: [primaryIp, backupIp, virtualIp("virtual_ip"), lan],
    examples: [
      [
        "ns-ha-config init-primary-node 192.168.100.238 192.168.100.239 192.168.100.240/24 lan",
        "the virtual IP is 192.168.100.240",
      ],
    ],
    load: lazy(async () => (await import("./init.ts")).initPrimaryNode),
  },
  {
    name: "init-backup-node",
    summary: "configure the other node as backup",
    description: password,
    args: [lan],
    examples: [
      ["ns-ha-config init-backup-node lan", "asks for the password"],
      ["echo Nethesis,1234 | ns-ha-config init-backup-node lan", "password on standard input"],
    ],
    load: lazy(async () => (await import("./init.ts")).initBackupNode),
  },
  {
    name: "add-lan-interface",
    summary: "add a LAN interface that has static addresses on both nodes",
    args: [primaryIp, backupIp, virtualIp("virtual_ip_address")],
    examples: [
      [
        "ns-ha-config add-lan-interface 192.168.200.185 192.168.200.186 192.168.200.190/24",
        "the interface with these addresses",
      ],
    ],
    load: lazy(async () => (await import("./interfaces.ts")).addLanInterface),
  },
  {
    name: "remove-interface",
    summary: "remove an interface from the HA configuration",
    description:
      "Its virtual address becomes the address of the interface on this node; on the backup node the interface is removed.",
    args: [interfaceArg],
    examples: [["ns-ha-config remove-interface lan2", "lan2 is no longer part of the cluster"]],
    load: lazy(async () => (await import("./interfaces.ts")).removeInterface),
  },
  {
    name: "add-vip",
    summary: "add an extra virtual address to an interface",
    args: [interfaceArg, virtualIp("vip_address")],
    examples: [["ns-ha-config add-vip lan 192.168.100.66/24", "a second virtual address of lan"]],
    load: lazy(async () => (await import("./interfaces.ts")).addVip),
  },
  {
    name: "remove-vip",
    summary: "remove an extra virtual address",
    args: [interfaceArg, virtualIp("vip")],
    examples: [["ns-ha-config remove-vip lan2 192.168.122.66/24", "as show-config prints it"]],
    load: lazy(async () => (await import("./interfaces.ts")).removeVip),
  },
  {
    name: "show-config",
    summary: "show interfaces and virtual addresses",
    examples: [["ns-ha-config show-config", "what is configured, and what is not"]],
    load: lazy(async () => (await import("./show-config.ts")).run),
  },
  {
    name: "status",
    summary: "show the state of the cluster (on both nodes)",
    options: [{ name: "watch", short: "w", summary: "redraw each second" }],
    examples: [
      ["ns-ha-config status", "the state now"],
      ["ns-ha-config status --watch", "and as it changes"],
    ],
    load: lazy(async () => (await import("./status.ts")).run),
  },
  {
    name: "ssh-remote",
    summary: "open a shell on the backup node, or run one command there",
    args: [{ name: "command", summary: "command and its arguments", optional: true, variadic: true }],
    examples: [
      ["ns-ha-config ssh-remote", "a shell"],
      ["ns-ha-config ssh-remote ns-ha-config status", "one command"],
    ],
    load: lazy(async () => (await import("./ssh-remote.ts")).run),
  },
  {
    name: "upgrade-remote",
    summary: "upgrade the backup node, which has no access to the internet",
    description: "Without an image the latest one is downloaded and its SHA-256 verified.",
    args: [{ name: "image", summary: "image file on this node", optional: true }],
    options: [{ name: "packages", summary: "bring its packages to the versions of this node instead" }],
    examples: [
      ["ns-ha-config upgrade-remote", "the latest image"],
      ["ns-ha-config upgrade-remote /tmp/image.img.gz", "this image"],
    ],
    load: lazy(async () => (await import("./upgrade-remote.ts")).run),
  },
  {
    name: "enable",
    summary: "enable the cluster on both nodes",
    examples: [["ns-ha-config enable", "after ns-ha-config disable"]],
    load: lazy(async () => (await import("./power.ts")).enable),
  },
  {
    name: "disable",
    summary: "disable the cluster on both nodes, keeping its configuration",
    examples: [["ns-ha-config disable", "the nodes are reached by their own addresses"]],
    load: lazy(async () => (await import("./power.ts")).disable),
  },
  {
    name: "reset",
    summary: "remove the HA configuration from both nodes",
    description: "Asks for yes. The network configuration of the nodes is not changed.",
    options: [
      { name: "yes", short: "y", summary: "do not ask" },
      { name: "force", summary: "this node only: the other one does not answer, or is gone" },
    ],
    examples: [["ns-ha-config reset", "both nodes become standalone"]],
    load: lazy(async () => (await import("./power.ts")).reset),
  },
  {
    name: "set-timing",
    summary: "choose how fast a failure is noticed, on both nodes",
    description: "classic: VRRPv2, about 3 seconds. fast: VRRPv3, about 0.3 seconds. No address moves.",
    args: [{ name: "timing", summary: "classic or fast", values: ["classic", "fast"] }],
    examples: [["ns-ha-config set-timing fast", "a failover in 0.3 seconds"]],
    load: lazy(async () => (await import("./power.ts")).setTiming),
  },
  {
    name: "sync",
    summary: "synchronise now",
    description:
      "A configuration file that looks as if it had lost its content (empty, NUL bytes, not to be read) is held back and named; with --force the backup takes it as it is.",
    options: [
      { name: "wait", summary: "until the backup node has applied it, and tell what changed" },
      { name: "force", value: "FILE", summary: "and send this file though its content looks lost; waits" },
    ],
    examples: [
      ["ns-ha-config sync --wait", "what changed on the backup node"],
      ["ns-ha-config sync --force /etc/config/dhcp", "the file was emptied on purpose"],
    ],
    load: lazy(async () => (await import("./agent-actions.ts")).sync),
  },
  {
    name: "diff",
    summary: "show what differs between the primary and what the backup node holds",
    options: [{ name: "backup-changes", summary: "what was changed on the backup node while it carried the site" }],
    examples: [
      ["ns-ha-config diff", "file by file"],
      ["ns-ha-config diff --backup-changes", "what waits to be adopted or dropped (on both nodes)"],
    ],
    load: lazy(async () => (await import("./agent-actions.ts")).diff),
  },
  {
    name: "backup-changes",
    summary: "take what was changed on the backup node while it carried the site, or forget it",
    description:
      "What is changed on the backup node while it carries the site is kept aside there when the primary takes back. adopt takes it into the primary, from where it is synchronised; what was changed on both nodes is refused. drop forgets it. To see it: ns-ha-config diff --backup-changes",
    args: [{ name: "what", summary: "adopt or drop", values: ["adopt", "drop"] }],
    options: [{ name: "force", summary: "adopt also what was changed on both nodes" }],
    examples: [
      ["ns-ha-config backup-changes adopt", "the primary node gets them"],
      ["ns-ha-config backup-changes drop", "the primary's own stays"],
    ],
    load: lazy(async () => (await import("./backup-changes.ts")).run),
  },
  {
    name: "history",
    summary: "show transitions, synchronisations and faults of both nodes",
    description: "Times are UTC, by the clock of this node.",
    options: [
      { name: "lines", short: "n", value: "N", summary: "how many of the newest (default 20)" },
      { name: "follow", short: "f", summary: "and those to come" },
    ],
    examples: [["ns-ha-config history -n 50", "the newest 50"]],
    load: lazy(async () => (await import("./agent-actions.ts")).history),
  },
  {
    name: "log",
    summary: "list the changes of this node's configuration (on both nodes)",
    description:
      "Each change with its time (UTC), who made it as far as it is known, and the files. With a file or folder, only those that touch it.",
    args: [{ name: "path", summary: "a file, or a folder with all below", optional: true }],
    options: [{ name: "lines", short: "n", value: "N", summary: "how many of the newest (default 20)" }],
    examples: [
      ["ns-ha-config log", "the newest 20 changes"],
      ["ns-ha-config log /etc/config/firewall", "those of the firewall"],
    ],
    load: lazy(async () => (await import("./revisions.ts")).log),
  },
  {
    name: "show",
    summary: "show what a change of the configuration was, line by line",
    args: [
      { name: "id", summary: "number of the change, as ns-ha-config log tells it" },
      { name: "path", summary: "only this file, or what is below this folder", optional: true },
    ],
    examples: [
      ["ns-ha-config show 12", "change 12"],
      ["ns-ha-config show 12 /etc/config/firewall", "what it changed in the firewall"],
    ],
    load: lazy(async () => (await import("./revisions.ts")).show),
  },
  {
    name: "rollback",
    summary: "take the configuration back to how it was after an earlier change",
    description:
      "Run on the primary node: the backup node gets it like any other change. What belongs to the cluster itself (keepalived, keys) stays as it is. It is a change of its own, which can be taken back too.",
    args: [
      { name: "id", summary: "number of the change after which it was right, as ns-ha-config log tells it" },
      { name: "path", summary: "only these files, or what is below these folders", optional: true, variadic: true },
    ],
    options: [{ name: "dry-run", summary: "tell what would change, and change nothing" }],
    examples: [
      ["ns-ha-config rollback 12", "as it was after change 12"],
      ["ns-ha-config rollback 12 /etc/config/firewall", "the firewall only"],
    ],
    load: lazy(async () => (await import("./revisions.ts")).rollback),
  },
  {
    name: "switch",
    summary: "hand over to the other node and back, configuration unchanged",
    options: [
      { name: "to", value: "NODE", values: ["primary", "backup"], summary: "primary or backup (default backup)" },
    ],
    examples: [
      ["ns-ha-config switch --to backup", "before maintenance of the primary node"],
      ["ns-ha-config switch --to primary", "and back"],
    ],
    load: lazy(async () => (await import("./agent-actions.ts")).switchOver),
  },
  {
    name: "watch-uplink",
    summary: "let the site move to the other node when this WAN is dead, or not",
    description:
      "Off for every WAN at first. The site moves when mwan3 has called all watched WANs dead for a minute, the other node is ready, and its WAN device has carrier; at most once in 30 minutes. Whether the line of the other node works cannot be tested beforehand.",
    args: [
      { name: "interface", summary: "WAN interface, e.g. wan" },
      { name: "what", summary: "on or off", values: ["on", "off"] },
    ],
    examples: [
      ["ns-ha-config watch-uplink wan on", "move when wan is dead"],
      ["ns-ha-config watch-uplink wan off", "stay whatever happens to wan"],
    ],
    load: lazy(async () => (await import("./watch-uplink.ts")).run),
  },
  {
    name: "maintenance",
    summary: "take this node out of service, and put it back (on both nodes)",
    description:
      "on: hands the site over if this node carries it, and stays out, across reboots too, until off or the end of --for. Refused when nobody would carry the site then. The site has no second node meanwhile.",
    args: [{ name: "what", summary: "on or off", values: ["on", "off"] }],
    options: [
      { name: "for", value: "TIME", summary: "it ends by itself after this time, e.g. 90m, 2h, 1d" },
      { name: "force", summary: "also when nobody would carry the site" },
    ],
    examples: [
      ["ns-ha-config maintenance on --for 2h", "two hours for the screwdriver"],
      ["ns-ha-config maintenance off", "this node takes part again"],
    ],
    load: lazy(async () => (await import("./maintenance.ts")).maintenance),
  },
  {
    name: "pause",
    summary: "send nothing to the backup node until resume",
    description:
      "Changes are still noticed: status names what waits, diff shows all of it. A failover works with what the backup node has.",
    options: [{ name: "for", value: "TIME", summary: "it ends by itself after this time, e.g. 90m, 2h, 1d" }],
    examples: [["ns-ha-config pause --for 1h", "try a configuration on the primary node alone"]],
    load: lazy(async () => (await import("./maintenance.ts")).pause),
  },
  {
    name: "resume",
    summary: "send what waited since pause, and list it",
    examples: [["ns-ha-config resume", "the backup node gets what the primary has"]],
    load: lazy(async () => (await import("./maintenance.ts")).resume),
  },
  {
    name: "drill",
    summary: "check everything that a failover needs, without one",
    examples: [["ns-ha-config drill", "exit code 1 if a failover would lose something"]],
    load: lazy(async () => (await import("./agent-actions.ts")).drill),
  },
];
