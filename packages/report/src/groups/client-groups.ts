/**
 * Groups of clients: sections `group` of /etc/config/ns-report, and without any configuration each network of the firewall that has a static subnet
 * and is no WAN. Pure, but for reading UCI.
 */
import type { Package, UciStore } from "@nethsec/host/uci-store";
import { Subnets } from "../store/subnets.ts";
import { readClientSet, type ClientSet } from "./client-set.ts";
import { readNetworks, subnetsIn } from "./networks.ts";

export interface ClientGroup extends ClientSet {
  /** Name of the section, or of the network. */
  readonly name: string;
  /** For people. */
  readonly title: string;
}

export interface ClientGroups {
  readonly groups: readonly ClientGroup[];
  /** Sentences about sections that cannot be used. */
  readonly troubles: readonly string[];
}

export function clientGroupsOf(uci: Pick<UciStore, "read">): ClientGroups {
  return readClientGroups(uci.read("ns-report"), uci.read("network"), uci.read("firewall"));
}

/** A section of the name of a network replaces that. */
export function readClientGroups(report: Package, network: Package, firewall: Package): ClientGroups {
  const networks = readNetworks(network, firewall);
  const subnetsOf = subnetsIn(networks);
  const groups = new Map<string, ClientGroup>();
  const troubles: string[] = [];
  for (const { name, subnets, isMasqueraded } of networks) {
    if (subnets.length === 0 || isMasqueraded || name === "loopback") continue;
    const own = new Subnets(subnets);
    groups.set(name, { name, title: name, has: (address) => own.has(address) });
  }
  for (const section of report.ofType("group")) {
    const { name } = section;
    const trouble = (text: string): void =>
      void troubles.push(`ns-report.${name}: ${text}. This group does not exist.`);
    if (section.anonymous || !isGroupName(name)) {
      trouble("a group needs a name of letters, digits and _");
      continue;
    }
    const found = readClientSet(section, subnetsOf);
    if (found === undefined) trouble("it has neither a client, a device, a subnet, an interface nor a zone");
    else if (typeof found === "string") trouble(found);
    else groups.set(name, { name, title: section.get("title") ?? name, ...found });
  }
  return { groups: [...groups.values()], troubles };
}

export function isGroupName(name: string): boolean {
  return /^[A-Za-z0-9_]{1,32}$/.test(name);
}
