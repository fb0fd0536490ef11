/**
 * Topology of the lab as data: nodes, networks, cables and addresses. Pure; the other modules read this table. Public networks are
 * documentation ranges (RFC 5737); names are those that the product contacts in reality.
 */
import { NethsecError } from "@nethsec/host/error";

export const nodeNames = ["internet", "controller", "portal", "primary", "backup", "client1", "client2"] as const;
export type NodeName = (typeof nodeNames)[number];

/** Kind of a node: selects the folder of the lab with its `rootfs` and `boot`. */
export type Kind = "internet" | "controller" | "portal" | "firewall" | "client";

/** Switches; `net` is the segment of controller and portal, behind the provider's router. */
export const networkNames = ["lan", "lan2", "wan", "wan2", "net"] as const;
export type NetworkName = (typeof networkNames)[number];

export interface Cable {
  /** Device inside the node. */
  readonly device: string;
  readonly network: NetworkName;
  /** With prefix length; set by the lab at boot. Absent: set by the node's own configuration. */
  readonly address?: string;
}

export interface NodePlan {
  readonly name: NodeName;
  readonly kind: Kind;
  readonly cables: readonly Cable[];
  /** Default gateway set by the lab. */
  readonly gateway?: string;
  /** Names that the lab's DNS answers with the node's first address; also in the node's certificate. */
  readonly names: readonly string[];
  /** Environment of the node's boot script. */
  readonly env: Readonly<Record<string, string>>;
}

export type WanProto = "static" | "dhcp";

/** Virtual address of the LAN, once high availability is configured. */
export const vip = "192.168.100.240";
export const lan2Vip = "192.168.200.190";
/** Address of the test web server, the echo service and iperf3. */
export const webAddress = "192.0.2.80";
export const rootPassword = "Nethesis,1234";

/**
 * A firewall before high availability is configured: the primary has a DHCP server and its WANs; the backup has factory settings (a WAN
 * by DHCP) and no DHCP server.
 */
function firewall(
  name: "primary" | "backup",
  lan: string,
  lan2: string,
  env: Readonly<Record<string, string>>,
): NodePlan {
  return {
    name,
    kind: "firewall",
    cables: [
      { device: "eth0", network: "lan" },
      { device: "eth1", network: "wan" },
      { device: "eth2", network: "wan2" },
      { device: "eth3", network: "lan2" },
    ],
    names: [],
    env: { ROLE: name, LAN_ADDRESS: lan, LAN2_ADDRESS: lan2, ...env },
  };
}

function primaryEnv(wan: WanProto): Readonly<Record<string, string>> {
  const common = { NODE_HOSTNAME: "NethSec", DHCP_SERVER: "1", WAN_PROTO: wan, WAN2_PROTO: wan };
  if (wan === "dhcp") return common;
  return {
    ...common,
    WAN_ADDRESS: "203.0.113.10/24",
    WAN_GATEWAY: "203.0.113.1",
    WAN_DNS: "203.0.113.1",
    WAN2_ADDRESS: "198.51.100.10/24",
    WAN2_GATEWAY: "198.51.100.1",
  };
}

/** All nodes, in the order of their first boot. */
export function topology(options: { readonly wan: WanProto }): readonly NodePlan[] {
  return [
    {
      name: "internet",
      kind: "internet",
      cables: [
        { device: "eth0", network: "wan", address: "203.0.113.1/24" },
        { device: "eth1", network: "wan2", address: "198.51.100.1/24" },
        { device: "eth2", network: "net", address: "192.0.2.1/24" },
        { device: "lo", network: "net", address: `${webAddress}/32` },
      ],
      names: [
        "internet.test",
        "www.example.com",
        "example.com",
        "updates.nethsecurity.nethserver.org",
        "distfeed.nethserver.org",
        "downloads.openwrt.org",
        "0.openwrt.pool.ntp.org",
        "1.openwrt.pool.ntp.org",
      ],
      env: {},
    },
    {
      name: "controller",
      kind: "controller",
      cables: [{ device: "eth0", network: "net", address: "192.0.2.10/24" }],
      gateway: "192.0.2.1",
      names: ["controller.example.com", "controller.nethsec.test"],
      env: {},
    },
    {
      name: "portal",
      kind: "portal",
      cables: [{ device: "eth0", network: "net", address: "192.0.2.20/24" }],
      gateway: "192.0.2.1",
      names: [
        "my.nethesis.it",
        "my.nethserver.com",
        "backupd.nethesis.it",
        "distfeed.nethesis.it",
        "portal.nethsec.test",
      ],
      env: {},
    },
    firewall("primary", "192.168.100.238/24", "192.168.200.185/24", primaryEnv(options.wan)),
    firewall("backup", "192.168.100.239/24", "192.168.200.186/24", {
      NODE_HOSTNAME: "NethSec-backup",
      DHCP_SERVER: "0",
      WAN_PROTO: "dhcp",
      WAN2_PROTO: "none",
    }),
    { name: "client1", kind: "client", cables: [{ device: "eth0", network: "lan" }], names: [], env: {} },
    { name: "client2", kind: "client", cables: [{ device: "eth0", network: "lan2" }], names: [], env: {} },
  ];
}

/** Validates the name of a node; throws if the lab has no such node. */
export function nodeName(text: string): NodeName {
  const found = nodeNames.find((name) => name === text);
  if (found === undefined)
    throw new NethsecError({
      code: "unknown_node",
      message: `The lab has no node "${text}".`,
      advice: `Nodes: ${nodeNames.join(", ")}.`,
      exitCode: 2,
    });
  return found;
}

/** The cables that lead to a switch (loopback addresses are not cables). */
export function wired(plan: NodePlan): readonly Cable[] {
  return plan.cables.filter((cable) => cable.device !== "lo");
}

/** A cable by its device ("eth0") or by the network it leads to ("lan"). */
export function cable(plan: NodePlan, which: string): Cable {
  const found = wired(plan).find((each) => each.device === which || each.network === which);
  if (found === undefined) {
    const known = wired(plan).map((each) => `${each.device} (${each.network})`);
    throw new NethsecError({
      code: "unknown_interface",
      message: `${plan.name} has no interface "${which}".`,
      advice: `It has ${known.join(", ")}.`,
      exitCode: 2,
    });
  }
  return found;
}

/** The switch's side of a cable, e.g. "primary.eth0"; at most 15 characters, as Linux wants it. */
export function portName(node: NodeName, device: string): string {
  return `${node}.${device}`;
}

/** Locally administered, the same at each boot: 02:4c:<node>:00:00:<device>. */
export function macAddress(node: NodeName, device: string): string {
  const hex = (value: number): string => value.toString(16).padStart(2, "0");
  return `02:4c:${hex(nodeNames.indexOf(node) + 1)}:00:00:${hex(Number(device.replace(/\D/g, "")))}`;
}
