/** The machine's networks for the inventory: one entry per device, with its zone as role (test-data/contracts/inventory.json). */
import { isIPv4 } from "@nethsec/host/ip-address";
import type { Host, NetworkInterface } from "@nethsec/host/host";
import type { Section } from "@nethsec/host/uci-store";
import { anonymise } from "./inventory-source.ts";

const lookupTimeoutMs = 3000;

interface Network {
  readonly type: "ethernet" | "bridge";
  readonly name: string;
  readonly props: {
    readonly role: string | null;
    readonly ipaddr: string;
    readonly netmask: string;
    readonly gateway: string | null;
    readonly bridge?: readonly string[];
  };
}

const isVlan = (device: string): boolean => /\.\d+$/.test(device);

/** Interfaces of /etc/config/network; without data from netifd the addresses stay empty. */
export async function networks(host: Host): Promise<readonly Network[]> {
  const interfaces = host.uci.read("network").ofType("interface").filter(isTold);
  const known = await host.net.interfaces().catch((): NetworkInterface[] => []);
  const byDevice = new Map<string, Network>();
  for (const section of interfaces) {
    const device = section.get("device") ?? "";
    byDevice.set(
      device,
      network(
        host,
        section.name,
        device,
        known.find(({ name }) => name === section.name),
      ),
    );
  }
  return [...byDevice.values()];
}

function isTold(section: Section): boolean {
  const device = section.get("device") ?? "";
  return !["lan6", "wan6"].includes(section.name) && device !== "" && device !== "lo" && !/^(ipsec|tun)/.test(device);
}

function network(host: Host, name: string, device: string, state: NetworkInterface | undefined): Network {
  const isBridge = device.startsWith("br") && !isVlan(device);
  const address = state?.ipv4[0];
  const gateway = state?.routes.find(({ target }) => target === "0.0.0.0")?.nexthop;
  return {
    type: isBridge ? "bridge" : "ethernet",
    name: device,
    props: {
      role: roleOf(host, name),
      ipaddr: address === undefined ? "" : anonymise(host, address.address),
      netmask: address === undefined ? "" : dottedMask(address.prefix),
      gateway: state === undefined ? "" : gateway === undefined ? null : anonymise(host, gateway),
      ...(isBridge ? { bridge: portsOf(host, device) } : {}),
    },
  };
}

function roleOf({ uci }: Pick<Host, "uci">, network: string): string | null {
  const zone = uci
    .read("firewall")
    .ofType("zone")
    .find((each) => each.list("network").includes(network));
  const name = zone?.get("name") ?? null;
  return name === "lan" ? "green" : name === "wan" ? "red" : name;
}

const portsOf = ({ uci }: Pick<Host, "uci">, device: string): readonly string[] =>
  uci
    .read("network")
    .ofType("device")
    .find((each) => each.get("name") === device)
    ?.list("ports") ?? [];

function dottedMask(prefix: number): string {
  const bits = prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join(".");
}

/** DNS servers configured for dnsmasq, else those received from the WANs. */
export function dnsServers({ uci, files }: Host): readonly string[] {
  const configured = uci.read("dhcp").ofType("dnsmasq")[0]?.list("server") ?? [];
  if (configured.length > 0) return configured;
  const told = files.readText("/tmp/resolv.conf.d/resolv.conf.auto") ?? "";
  return [...told.matchAll(/^nameserver\s+(\S+)/gm)].map(([, server = ""]) => server);
}

/** This machine's public address as reported by a DNS server on the internet, else the first address of the first WAN. */
export async function publicAddress(host: Host): Promise<string> {
  const seen = (await seenFromOutside(host)) ?? (await firstWanAddress(host));
  return seen === undefined ? "" : anonymise(host, seen);
}

async function seenFromOutside({ run }: Host): Promise<string | undefined> {
  const question = ["-4", "TXT", "+short", "+time=2", "+tries=1", "o-o.myaddr.l.google.com", "@ns1.google.com"];
  const answer = await run(["dig", ...question], { timeoutMs: lookupTimeoutMs }).catch(() => undefined);
  const address = answer?.stdout.trim().replaceAll('"', "") ?? "";
  return isIPv4(address) ? address : undefined;
}

async function firstWanAddress({ uci, net }: Host): Promise<string | undefined> {
  const wan = uci
    .read("firewall")
    .ofType("zone")
    .find((zone) => zone.get("name") === "wan");
  const names = wan?.list("network") ?? [];
  const interfaces = await net.interfaces();
  return names.flatMap((name) => interfaces.find((each) => each.name === name)?.ipv4[0]?.address ?? [])[0];
}

const ipv6Protocols = new Set(["dhcpv6", "6in4", "6to4", "6rd", "grev6", "grev6tap", "vtiv6"]);
const isIpv6 = (section: Section): boolean =>
  ipv6Protocols.has(section.get("proto") ?? "") || section.options.some((name) => /^ip6|^dhcpv6$|^ipv6$/.test(name));

/** features.network */
export function networkFeature({ uci }: Host): Readonly<Record<string, unknown>> {
  const network = uci.read("network");
  const zones = uci.read("firewall").ofType("zone");
  const members = (zone: Section): readonly Section[] =>
    zone.list("network").flatMap((name) => network.section(name) ?? []);
  const devices = zones.flatMap(members).flatMap((section) => section.get("device") ?? []);
  const nameOf = (zone: Section): string => zone.get("name") ?? zone.name;
  return {
    zones: zones.map((zone) => {
      const ipv6 = members(zone).filter(isIpv6).length;
      return { name: nameOf(zone), ipv4: members(zone).length - ipv6, ipv6 };
    }),
    interface_counts: {
      vlans: devices.filter(isVlan).length,
      bridges: devices.filter((device) => device.startsWith("br-")).length,
      bonds: devices.filter((device) => device.startsWith("bond-")).length,
    },
    zone_network_counts: Object.fromEntries(
      zones.map((zone) => [
        nameOf(zone),
        zone.list("network").length || zone.list("device").filter((device) => !device.startsWith("tun-dedalo")).length,
      ]),
    ),
    route_info: {
      count_ipv6_route: network.ofType("route6").length,
      count_ipv4_route: network.ofType("route").length,
    },
  };
}
