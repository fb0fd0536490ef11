/** Interfaces as /etc/config/network describes them. Pure: package in, values out. */
import type { Package, Section } from "@nethsec/host/uci-store";
import { deviceSections, deviceType, memberDevices } from "./device-sections.ts";
import { netmaskToPrefix, parseCidr, ipv4ToNumber, type Cidr } from "./ipv4.ts";

export interface ConfiguredInterface {
  /** Network section, e.g. "lan". */
  readonly name: string;
  /** undefined: none is configured. "@lan" for an alias of lan. */
  readonly device: string | undefined;
  /** "" when the option is missing. */
  readonly proto: string;
  /** Static IPv4 addresses with their prefix (32 when neither a netmask nor a prefix is written). */
  readonly addresses: readonly Cidr[];
}

/** Every interface but the loopback, in the file's order. */
export function configuredInterfaces(network: Package): ConfiguredInterface[] {
  return network
    .ofType("interface")
    .filter((section) => section.name !== "loopback")
    .map((section) => ({
      name: section.name,
      device: section.get("device") ?? section.get("ifname"),
      proto: section.get("proto") ?? "",
      addresses: staticAddresses(section),
    }));
}

/** OpenWrt accepts one address with a netmask, a CIDR, or a list of CIDRs. */
function staticAddresses(section: Section): Cidr[] {
  const prefix = netmaskToPrefix(section.get("netmask") ?? "") ?? 32;
  return section
    .list("ipaddr")
    .flatMap((text) => parseCidr(text) ?? (ipv4ToNumber(text) === undefined ? [] : [{ address: text, prefix }]));
}

/** The interface with the static address `address`. */
export function interfaceWithAddress(network: Package, address: string): ConfiguredInterface | undefined {
  return configuredInterfaces(network).find((found) => found.addresses.some((own) => own.address === address));
}

/**
 * The physical devices below `device`: ports of a bridge, slaves of a bond, the parent of a VLAN or macvlan, all the way down.
 * A device without a section is physical, unless its name makes it a VLAN (eth1.10).
 */
export function physicalDevices(network: Package, device: string, seen: ReadonlySet<string> = new Set()): string[] {
  if (device.startsWith("@") || seen.has(device)) return [];
  const deeper = new Set([...seen, device]);
  const below = lowerDevices(network, device);
  return below === undefined
    ? [device]
    : [...new Set(below.flatMap((lower) => physicalDevices(network, lower, deeper)))];
}

/** undefined: physical. */
function lowerDevices(network: Package, device: string): string[] | undefined {
  const section = deviceSections(network.sections).get(device);
  const type = section === undefined ? "" : deviceType(section);
  const members = memberDevices(section).filter((member) => member !== device);
  if (type === "bridge" || type === "bonding") return members;
  if (type !== "" && members.length > 0) return members;
  const vlan = /^(.+)\.\d+$/.exec(device)?.[1];
  return vlan === undefined ? undefined : [vlan];
}
