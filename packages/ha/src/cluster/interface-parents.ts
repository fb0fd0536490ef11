/**
 * What an interface that follows the state needs before it can come up: its own parents, and nothing else. An interface that hangs (a PPPoE that
 * negotiates for a minute) holds up only what it carries. Pure.
 */
import type { Package, Section } from "@nethsec/host/uci-store";
import { deviceOf, deviceSections, standsOn } from "./device-sections.ts";

export interface InterfaceNeeds {
  /** Names of interfaces that carry this one. */
  readonly parents: readonly string[];
  /** It reaches its peer over any WAN: one of them is enough. */
  readonly anyUplink: boolean;
}

/** `names`: the interfaces among which parents are looked for. */
export function needsOf(section: Section, network: Package, names: ReadonlySet<string>): InterfaceNeeds {
  const alias = /^@(.+)$/.exec(section.get("device") ?? section.get("ifname") ?? "")?.[1];
  // Of tunnels (WireGuard, xfrm, 6in4, GRE): the interface that their packets leave by.
  const link = section.get("tunlink");
  const own = [alias, link, ...carriers(section, network, names)];
  const parents = [...new Set(own)].filter((name) => name !== undefined && name !== section.name && names.has(name));
  return {
    parents: parents.filter((name) => name !== undefined),
    anyUplink: link === undefined && overAnyUplink(section, network),
  };
}

/** Interfaces whose device this one's device stands on: a bond below a VLAN, a tunnel in a bridge. */
function carriers(section: Section, network: Package, names: ReadonlySet<string>): string[] {
  const device = deviceOf(section);
  const base = section.get("proto") === "bonding" ? `bond-${section.name}` : device;
  if (base === undefined) return [];
  const below = new Set(standsOn(base, deviceSections(network.sections)));
  const others = network.ofType("interface").filter(({ name }) => names.has(name) && name !== section.name);
  return others.filter((other) => madeDevices(other).some((made) => below.has(made))).map(({ name }) => name);
}

/** Devices that come with an interface rather than before it. */
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
 * WireGuard: with a peer that has an endpoint, netifd holds the interface back until there is a route to it (wireguard.sh of OpenWrt: a host
 * dependency for each endpoint, unless `nohostroute`), and a name has to be resolved first. One that only listens needs nothing. Other tunnels
 * (6in4, L2TP, PPTP, OpenConnect) have no device of their own either.
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

/** Parents before what they carry; otherwise the order stays. Ends at circles. */
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
