/** Interfaces that are up on the active node only (contract ns-ha 5). Pure but for reading the configuration. */
import type { Section, UciStore } from "@nethsec/host/uci-store";
import type { Role } from "./config.ts";
import { needsOf, parentsFirst } from "./interface-parents.ts";
import { currentRecords, importTag } from "./network-records.ts";
import { wanNetworks, wanZone } from "./wan-zone.ts";

/** An interface that follows the state: WAN, bond below a WAN, WireGuard, IPsec, tun. */
export interface FollowingInterface {
  readonly name: string;
  /** False for interfaces that come up later by themselves (tun of an OpenVPN server): brought up once, not waited for. */
  readonly waited: boolean;
  /** False when the user disabled it on the primary: stays down. */
  readonly wanted: boolean;
  /** Interfaces of this list that it depends on. */
  readonly parents: readonly string[];
  /** True for a WAN, which tunnels can use. */
  readonly uplink: boolean;
  /** True when it needs any one of the uplinks. */
  readonly anyUplink: boolean;
}

/**
 * On the primary the interfaces that would be exported, on the backup the imported ones; parents before the interfaces that depend on them.
 * An interface that the user disabled is in the list, but not wanted.
 */
export function followingInterfaces(uci: UciStore, role: Role): FollowingInterface[] {
  const network = uci.read("network");
  const own = role === "primary" ? exportedNames(uci) : undefined;
  const found = network
    .ofType("interface")
    .filter((section) => (own === undefined ? section.get("ns_tag") === importTag : own.has(section.name)));
  const names = new Set(found.map(({ name }) => name));
  return parentsFirst(
    found.map((section) => ({
      name: section.name,
      ...needsOf(section, network, names),
      uplink: isUplink(section),
      waited: isWaited(section),
      wanted: isWanted(section, role),
    })),
  );
}

/** Protocols that a node must support for the interfaces that follow the active node, without duplicates. */
export function followingProtocols(uci: UciStore, role: Role): string[] {
  const names = role === "primary" ? exportedNames(uci) : undefined;
  const interfaces = uci
    .read("network")
    .ofType("interface")
    .filter((section) => (names === undefined ? section.get("ns_tag") === importTag : names.has(section.name)));
  return [...new Set(interfaces.map((section) => section.get("proto") ?? "none"))].sort();
}

export interface WanTrouble {
  /** fail: the site would have no uplink. */
  readonly verdict: "warning" | "fail";
  /** A sentence for the administrator. */
  readonly text: string;
}

/**
 * Checks which interfaces follow this primary. Reports an interface that seems to be an uplink (address from outside, a gateway) but does not
 * follow: after a failover it would be missing. `lans`: interfaces of the cluster, which each node has.
 */
export function wanTroubles(uci: UciStore, lans: readonly string[]): WanTrouble[] {
  const firewall = uci.read("firewall");
  const names = exportedNames(uci);
  const left = uci
    .read("network")
    .ofType("interface")
    .filter((section) => looksLikeUplink(section) && !names.has(section.name) && !lans.includes(section.name));
  const list = left.map(({ name }) => name).join(", ");
  if (wanNetworks(firewall).some((name) => names.has(name))) {
    const text = `${list} will not follow a failover: only the interfaces of the firewall's zone wan (option network) do.`;
    return left.length === 0 ? [] : [{ verdict: "warning", text }];
  }
  const why =
    wanZone(firewall) === undefined ? "the firewall has no zone wan" : "the firewall's zone wan names no interface";
  const what = left.length === 0 ? "" : ` Add ${list} to its networks, where it is a way out.`;
  return [{ verdict: left.length === 0 ? "warning" : "fail", text: `No WAN will follow a failover: ${why}.${what}` }];
}

function looksLikeUplink(section: Section): boolean {
  if (section.name === "loopback" || section.bool("disabled", false)) return false;
  const elsewhere = !["static", "none", "bonding", ""].includes(section.get("proto") ?? "");
  return elsewhere || section.get("gateway") !== undefined;
}

function exportedNames(uci: UciStore): Set<string> {
  const records = currentRecords({ uci }, () => undefined);
  const bonds = records.wan_devices.flatMap(({ proto, key }) => (proto === "bonding" ? [key] : []));
  const maps = [records.wan_interfaces, records.ipsec_interfaces, records.wg_interfaces, records.tun_interfaces];
  return new Set([...bonds, ...maps.flatMap((sections) => Object.keys(sections))]);
}

function isUplink(section: Section): boolean {
  const proto = section.get("proto") ?? "none";
  return !["bonding", "wireguard", "xfrm", "none"].includes(proto) && isWaited(section);
}

/** False for tun devices, which appear only when their program has started. */
function isWaited(section: Section): boolean {
  return section.get("proto") !== "none" && section.get("device")?.startsWith("tun") !== true;
}

/** `ns_auto` is the primary's `auto`; on the backup `auto` itself is always 0. */
function isWanted(section: Section, role: Role): boolean {
  if (section.bool("disabled", false)) return false;
  return section.bool(role === "primary" ? "auto" : "ns_auto", true);
}
