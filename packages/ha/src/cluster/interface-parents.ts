/**
 * Dependencies of an interface that follows the state: it waits for its own parents only. An interface that hangs (a PPPoE that negotiates for
 * a minute) delays only the interfaces above it. Pure.
 */
import type { Package, Section } from "@nethsec/host/uci-store";
import { deviceOf, deviceSections, standsOn } from "./device-sections.ts";

export interface InterfaceNeeds {
  /** Names of the interfaces it depends on. */
  readonly parents: readonly string[];
  /** True when its peer is reachable over any WAN, so that one WAN is enough. */
  readonly anyUplink: boolean;
}

/** `names`: candidates for parents. */
export function needsOf(section: Section, network: Package, names: ReadonlySet<string>): InterfaceNeeds {
  const alias = /^@(.+)$/.exec(section.get("device") ?? section.get("ifname") ?? "")?.[1];
  // Tunnels (WireGuard, xfrm, 6in4, GRE): `tunlink` names the interface that their packets leave by.
  const link = section.get("tunlink");
  const own = [alias, link, ...carriers(section, network, names)];
  const parents = [...new Set(own)].filter((name) => name !== undefined && name !== section.name && names.has(name));
  return {
    parents: parents.filter((name) => name !== undefined),
    anyUplink: link === undefined && overAnyUplink(section, network),
  };
}

/** Interfaces that provide a device below this one's device: a bond below a VLAN, a tunnel in a bridge. */
function carriers(section: Section, network: Package, names: ReadonlySet<string>): string[] {
  const device = deviceOf(section);
  const base = section.get("proto") === "bonding" ? `bond-${section.name}` : device;
  if (base === undefined) return [];
  const below = new Set(standsOn(base, deviceSections(network.sections)));
  const others = network.ofType("interface").filter(({ name }) => names.has(name) && name !== section.name);
  return others.filter((other) => madeDevices(other).some((made) => below.has(made))).map(({ name }) => name);
}

/** Devices that are created when the interface comes up. */
function madeDevices(section: Section): string[] {
  switch (section.get("proto")) {
    case "bonding":
      return [`bond-${section.name}`];
    case "wireguard":
    case "xfrm":
      return [section.name];
    case "pppoe":
      return [`pppoe-${section.name}`];
    default:
      return [];
  }
}

/**
 * WireGuard with an endpoint: netifd holds the interface back until there is a route to the peer (wireguard.sh of OpenWrt: a host
 * dependency for each endpoint, unless `nohostroute`), and the endpoint's name has to be resolved first. Without endpoints it only listens and
 * depends on no uplink. Other tunnels (6in4, L2TP, PPTP, OpenConnect) are recognised by having no device option.
 */
function overAnyUplink(section: Section, network: Package): boolean {
  const proto = section.get("proto") ?? "none";
  if (proto === "wireguard") {
    const peers = network.ofType(`wireguard_${section.name}`).filter((peer) => !peer.bool("disabled", false));
    return peers.some((peer) => (peer.get("endpoint_host") ?? "") !== "");
  }
  const ownDevice = section.get("device") ?? section.get("ifname");
  return ownDevice === undefined && !["none", "bonding", "static", "xfrm"].includes(proto);
}

/** Sorts parents before the interfaces that depend on them, otherwise keeping the order. Cycles end the recursion. */
export function parentsFirst<Item extends { readonly name: string; readonly parents: readonly string[] }>(
  items: readonly Item[],
): Item[] {
  const byName = new Map(items.map((item) => [item.name, item]));
  const ordered = new Set<Item>();
  const begun = new Set<Item>();
  const visit = (item: Item): void => {
    if (begun.has(item)) return;
    begun.add(item);
    for (const parent of item.parents) {
      const found = byName.get(parent);
      if (found !== undefined) visit(found);
    }
    ordered.add(item);
  };
  for (const item of items) visit(item);
  return [...ordered];
}
