/** Sets of clients as sections of /etc/config/ns-report name them: addresses, subnets, devices, and networks of the firewall. Pure. */
import { BlockList } from "node:net";
import type { Section } from "@nethsec/host/uci-store";
import { isAddress } from "../store/client-address.ts";
import { isDevice } from "../store/client-key.ts";

export interface Subnet {
  readonly address: string;
  readonly prefix: number;
}

export interface ClientSet {
  /** `device`: the MAC address of whoever had the address; undefined: not known. */
  readonly has: (address: string, device: string | undefined) => boolean;
}

/** The static subnets of a network or a firewall zone by its name; undefined: there is none of that name. */
export type SubnetsOf = (kind: "interface" | "zone", name: string) => readonly Subnet[] | undefined;

/**
 * From the lists `client`, `subnet`, `device`, `interface` and `zone` of a section. A string: why they cannot be used; undefined: the section has none.
 */
export function readClientSet(section: Section, subnetsOf: SubnetsOf): ClientSet | string | undefined {
  const addresses = new BlockList();
  const devices = new Set<string>();
  let isEmpty = true;
  for (const client of section.list("client")) {
    isEmpty = false;
    if (!isAddress(client)) return `"${client}" is no address`;
    addresses.addAddress(client, family(client));
  }
  for (const text of section.list("device")) {
    isEmpty = false;
    const device = text.toLowerCase().replaceAll("-", ":");
    if (!isDevice(device)) return `"${text}" is no MAC address such as 4a:d3:49:8f:86:ca`;
    devices.add(device);
  }
  const subnets: Subnet[] = [];
  for (const text of section.list("subnet")) {
    isEmpty = false;
    const subnet = subnetFrom(text);
    if (subnet === undefined) return `"${text}" is no subnet such as 192.168.30.0/24`;
    subnets.push(subnet);
  }
  for (const kind of ["interface", "zone"] as const) {
    for (const name of section.list(kind)) {
      isEmpty = false;
      const own = subnetsOf(kind, name);
      if (own === undefined) return `there is no ${kind} "${name}"`;
      if (own.length === 0) return `the ${kind} "${name}" has no static address, so its subnet is not known`;
      subnets.push(...own);
    }
  }
  if (isEmpty) return undefined;
  const inSubnets = setOfSubnets(subnets, addresses);
  return { has: (address, device) => (device !== undefined && devices.has(device)) || inSubnets.has(address, device) };
}

/** The addresses of some subnets, and of `more`. */
export function setOfSubnets(subnets: readonly Subnet[], more = new BlockList()): ClientSet {
  for (const { address, prefix } of subnets) more.addSubnet(address, prefix, family(address));
  return { has: (address) => more.check(address, family(address)) };
}

/** undefined: not of the form 192.168.30.0/24. */
export function subnetFrom(text: string): Subnet | undefined {
  const [address = "", prefix = "", ...more] = text.split("/");
  const most = address.includes(":") ? 128 : 32;
  if (more.length > 0 || !isAddress(address) || !/^\d{1,3}$/.test(prefix) || Number(prefix) > most) return undefined;
  return { address, prefix: Number(prefix) };
}

const family = (address: string): "ipv4" | "ipv6" => (address.includes(":") ? "ipv6" : "ipv4");
