/** Sets of clients as sections of /etc/config/ns-report name them: addresses, subnets, devices, and networks of the firewall. Pure. */
import type { Section } from "@nethsec/host/uci-store";
import { isAddress } from "../store/client-address.ts";
import { isDevice } from "../store/client-key.ts";
import { subnetFrom, Subnets, type Subnet } from "../store/subnets.ts";

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
  const addresses = section.list("client");
  const devices = section.list("device").map((text) => text.toLowerCase().replaceAll("-", ":"));
  const written = section.list("subnet");
  const networks = (["interface", "zone"] as const).flatMap((kind) =>
    section.list(kind).map((name) => ({ kind, name, subnets: subnetsOf(kind, name) })),
  );
  if (addresses.length + devices.length + written.length + networks.length === 0) return undefined;
  for (const text of addresses) if (!isAddress(text)) return `"${text}" is no address`;
  for (const text of devices) if (!isDevice(text)) return `"${text}" is no MAC address such as 4a:d3:49:8f:86:ca`;
  for (const text of written)
    if (subnetFrom(text) === undefined) return `"${text}" is no subnet such as 192.168.30.0/24`;
  for (const { kind, name, subnets } of networks) {
    if (subnets === undefined) return `there is no ${kind} "${name}"`;
    if (subnets.length === 0) return `the ${kind} "${name}" has no static address, so its subnet is not known`;
  }
  const single = addresses.map((address) => ({ address, prefix: address.includes(":") ? 128 : 32 }));
  const parsed = written.map(subnetFrom).filter((one) => one !== undefined);
  const own = new Subnets([...single, ...parsed, ...networks.flatMap(({ subnets }) => subnets ?? [])]);
  const ownDevices = new Set(devices);
  return { has: (address, device) => (device !== undefined && ownDevices.has(device)) || own.has(address) };
}
