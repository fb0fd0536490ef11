/** The static subnets of the firewall's networks, from /etc/config/network and /etc/config/firewall. Pure. */
import type { Package } from "@nethsec/host/uci-store";
import { subnetFrom, type Subnet } from "../store/subnets.ts";
import type { SubnetsOf } from "./client-set.ts";

export interface Network {
  readonly name: string;
  /** Name of its firewall zone. */
  readonly zone: string | undefined;
  /** Traffic that leaves the zone gets the firewall's address: a WAN. */
  readonly isMasqueraded: boolean;
  readonly subnets: readonly Subnet[];
}

/** Options: OpenWrt's documentation of the protocol "static" (`ipaddr`, `netmask`, `ip6addr`) and of the firewall's zones (`network`, `masq`). */
export function readNetworks(network: Package, firewall: Package): Network[] {
  const zones = firewall.ofType("zone");
  return network.ofType("interface").map((section): Network => {
    const zone = zones.find((one) =>
      one
        .list("network")
        .flatMap((text) => text.split(/\s+/))
        .includes(section.name),
    );
    const netmask = section.get("netmask");
    const isStatic = section.get("proto") === "static";
    const v4 = section.list("ipaddr").flatMap((text) => text.split(/\s+/));
    const v6 = section.list("ip6addr").flatMap((text) => text.split(/\s+/));
    const subnets = [...v4.map((text) => v4Subnet(text, netmask)), ...v6.map(subnetFrom)];
    return {
      name: section.name,
      zone: zone?.get("name"),
      isMasqueraded: zone?.get("masq") === "1",
      subnets: isStatic ? subnets.filter((one) => one !== undefined) : [],
    };
  });
}

export function subnetsIn(networks: readonly Network[]): SubnetsOf {
  return (kind, name) => {
    const own = networks.filter((one) => (kind === "interface" ? one.name : one.zone) === name);
    return own.length === 0 ? undefined : own.flatMap(({ subnets }) => subnets);
  };
}

function v4Subnet(text: string, netmask: string | undefined): Subnet | undefined {
  if (text.includes("/") || netmask === undefined) return subnetFrom(text);
  const bits = netmask
    .split(".")
    .map((part) => Number(part).toString(2).padStart(8, "0"))
    .join("");
  return /^1*0*$/.test(bits) && bits.length === 32 ? subnetFrom(`${text}/${bits.lastIndexOf("1") + 1}`) : undefined;
}
