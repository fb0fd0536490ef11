/**
 * Requirements of a cluster: lists every problem of a node or of a command's arguments, not only the first one.
 * Pure except for `answers`, the ARP probe. The codes are known to the web interface (contract ns-ha 2): do not change them.
 */
import type { Host } from "@nethsec/host/host";
import type { Package, Section, UciStore } from "@nethsec/host/uci-store";
import type { HaConfig } from "./config.ts";
import { cidrFault, contains, ipv4ToNumber, networkOf, parseCidr, usable, type Cidr } from "./ipv4.ts";
import { configuredInterfaces, physicalDevices, type ConfiguredInterface } from "./network-config.ts";

export interface Problem {
  /** snake_case, e.g. "lan_network_not_static". */
  readonly code: string;
  /** A sentence for the administrator, with what to do. */
  readonly message: string;
  /** The argument it refers to, for the web interface. */
  readonly parameter: string;
  readonly value: string;
}

/** The kernel gives labels 15 characters (IFNAMSIZ), three of which are ":ha". */
const deviceNameMax = 12;

/** The interface must exist, be static, have an address, and leave room for the label. */
export function checkInterface(network: Package, name: string): Problem[] {
  const about = { parameter: "lan_interface", value: name };
  const found = configuredInterfaces(network).find((known) => known.name === name);
  if (found === undefined) {
    const known = configuredInterfaces(network).map((other) => other.name);
    return [
      {
        ...about,
        code: "lan_network_not_found",
        message: `There is no network interface ${name}; there are: ${known.join(", ")}.`,
      },
    ];
  }
  const problems: Problem[] = [];
  if (found.proto !== "static" || found.addresses.length === 0) {
    const how =
      found.proto === "static"
        ? "has no IPv4 address"
        : `gets its address by ${found.proto === "" ? "no protocol" : found.proto}`;
    problems.push({
      ...about,
      code: "lan_network_not_static",
      message: `${name} ${how}: give it a static IPv4 address.`,
    });
  }
  const device = found.device ?? "";
  if (device.length > deviceNameMax) {
    const message = `The device name ${device} of ${name} is longer than ${deviceNameMax} characters: no room is left for the label ":ha". Rename the device.`;
    problems.push({ ...about, code: "lan_device_network_too_long", message });
  }
  return problems;
}

/**
 * If the interface has a DHCP server, it must give clients the virtual address as their router, and a DNS server.
 * `virtualIp` (CIDR or address) undefined: not known yet. `force`: also require the option "force".
 */
export function checkDhcp(
  dhcp: Package,
  name: string,
  wanted: { virtualIp: string | undefined; force: boolean },
): Problem[] {
  const about = { parameter: "lan_interface", value: name };
  const problems: Problem[] = [];
  for (const server of dhcpServers(dhcp, name)) {
    const router = dhcpOption(optionsToldBy(server), ["3", "option:router"]);
    const virtual = wanted.virtualIp?.split("/")[0];
    if (router === undefined) {
      const message = `The DHCP server on ${name} does not announce a router: set DHCP option 3 (router) to the virtual IP.`;
      problems.push({ ...about, code: "dhcp_router_option_not_found", message });
    } else if (virtual !== undefined && router !== virtual) {
      const message = `The DHCP server on ${name} announces the router ${router}: set DHCP option 3 (router) to the virtual IP ${virtual}.`;
      problems.push({ ...about, code: "dhcp_router_option_does_not_match_vip", message });
    }
    if (dhcpOption(optionsToldBy(server), ["6", "option:dns-server"]) === undefined) {
      const message = `The DHCP server on ${name} does not announce a DNS server: set DHCP option 6 (DNS server), to the virtual IP or to a server that clients reach without the primary node.`;
      problems.push({ ...about, code: "dhcp_dns_option_not_found", message });
    }
    if (wanted.force && !server.bool("force", false)) {
      const message = `The DHCP server on ${name} has not "Force DHCP server start": uci set dhcp.${server.name}.force=1; uci commit dhcp.`;
      problems.push({ ...about, code: "dhcp_force_option_not_set", message });
    }
  }
  return problems;
}

/** The router that the interface's DHCP server announces; before initialisation this is the future virtual IP. */
export function announcedRouter(dhcp: Package, name: string): string | undefined {
  const routers = dhcpServers(dhcp, name).map((server) => dhcpOption(optionsToldBy(server), ["3", "option:router"]));
  return routers.find((router) => router !== undefined && ipv4ToNumber(router) !== undefined);
}

/**
 * The sections for which dnsmasq serves IPv4 on the interface, by the rule of OpenWrt's /etc/init.d/dnsmasq (function dhcp_add, 23.05): not with
 * `ignore`, nor with `dhcpv4 'disabled'`; without the option it serves. The newest init script reads a missing option as disabled, and its
 * upgrade writes 'server' where it was missing: counting the section is right for both, since it is served or about to be.
 */
function dhcpServers(dhcp: Package, name: string) {
  return dhcp
    .ofType("dhcp")
    .filter(
      (section) =>
        section.get("interface") === name && section.get("dhcpv4") !== "disabled" && !section.bool("ignore", false),
    );
}

/** The DHCP options that the section sends; `dhcp_option_force` is sent to clients that did not request it as well. */
function optionsToldBy(server: Section): string[] {
  return [...server.list("dhcp_option"), ...server.list("dhcp_option_force")];
}

/** The first value of a DHCP option, given as `3,192.168.1.1` or `option:router,192.168.1.1`, optionally preceded by a tag. */
function dhcpOption(options: readonly string[], names: readonly string[]): string | undefined {
  for (const option of options) {
    const parts = option.split(",").filter((part) => !part.startsWith("tag:"));
    if (names.includes(parts[0] ?? "") && (parts[1] ?? "") !== "") return parts[1];
  }
  return undefined;
}

/** The virtual address must be in the interface's network, and be neither a node's own, the network's nor the broadcast address. */
export function checkVirtualIp(
  text: string,
  onInterface: ConfiguredInterface | undefined,
  nodeAddresses: readonly string[],
): Problem[] {
  const problem = (code: string, message: string): Problem => ({ code, message, parameter: "virtual_ip", value: text });
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    return [problem("invalid_virtual_ip", `"${text}" ${cidrFault(text) ?? ""}. Write it as 192.168.100.240/24.`)];
  }
  const problems: Problem[] = [];
  const network = onInterface?.addresses.find((own) => contains(own, cidr.address));
  if (onInterface !== undefined && network === undefined) {
    const networks = onInterface.addresses.map(networkOf).join(", ");
    problems.push(
      problem(
        "virtual_ip_not_in_subnet",
        `${cidr.address} is outside the network of ${onInterface.name} (${networks}).`,
      ),
    );
  }
  if (network !== undefined) problems.push(...checkPlace(cidr, network, problem));
  if (nodeAddresses.includes(cidr.address)) {
    problems.push(
      problem(
        "virtual_ip_is_a_node_address",
        `${cidr.address} is a node's own address: choose one that no machine has.`,
      ),
    );
  }
  return problems;
}

function checkPlace(cidr: Cidr, network: Cidr, problem: (code: string, message: string) => Problem): Problem[] {
  if (cidr.prefix !== network.prefix) {
    return [
      problem(
        "virtual_ip_prefix_differs",
        `The network has the prefix /${network.prefix}: write ${cidr.address}/${network.prefix}.`,
      ),
    ];
  }
  if (usable(network, cidr.address)) return [];
  return [problem("virtual_ip_not_usable", `${cidr.address} is the network's own or its broadcast address.`)];
}

/** Devices of the other node that this one must have too. `present`: names of this node's devices. */
export function checkDevices(required: readonly string[], present: readonly string[]): Problem[] {
  return required
    .filter((device) => !present.includes(device))
    .map((device) => ({
      code: "network_device_not_found",
      message: `This node has no network device ${device}, which the primary node uses: both nodes need the same devices.`,
      parameter: "required_devices",
      value: device,
    }));
}

/** Protocols that the primary's interfaces use. `there`: protocols of this node. With one missing, netifd would bring the interface up without an address. */
export function checkProtocols(required: readonly string[], there: readonly string[]): Problem[] {
  return required
    .filter((protocol) => !there.includes(protocol))
    .map((protocol) => ({
      code: "protocol_handler_not_found",
      message: `This node cannot do the protocol ${protocol}, which an interface of the primary node uses: install the package that brings it, as on the primary node (ubus call network get_proto_handlers lists what there is).`,
      parameter: "required_protocols",
      value: protocol,
    }));
}

/** The hotspot's MAC address moves to the active node, which only a physical device supports. */
export function checkHotspot(uci: Pick<UciStore, "read">): Problem[] {
  const hotspot = uci.read("dedalo").section("config");
  const device = hotspot?.get("interface");
  if (hotspot === undefined || device === undefined || hotspot.bool("disabled", true)) return [];
  const below = physicalDevices(uci.read("network"), device);
  if (below.length === 1 && below[0] === device) return [];
  const message = `The hotspot runs on ${device}, which is no physical device: move it to one.`;
  return [{ code: "hotspot_not_on_physical_device", message, parameter: "lan_interface", value: device }];
}

/** The physical devices below this node's interfaces. */
export function requiredDevices(network: Package): string[] {
  const devices = configuredInterfaces(network).flatMap(({ device, proto }) =>
    device === undefined || ["wireguard", "none"].includes(proto) || /^(tun|tap|ipsec|wg|ppp)/.test(device)
      ? []
      : [device],
  );
  return [...new Set(devices.flatMap((device) => physicalDevices(network, device)))].sort();
}

/** An address that the cluster uses already: an ARP answer for it is no conflict. */
export function isOurs(config: HaConfig | undefined, address: string): boolean {
  return [...(config?.interfaces ?? []), ...(config?.aliases ?? [])].some(
    ({ virtualIp }) => virtualIp.split("/")[0] === address,
  );
}

/**
 * True if a host on the network of `device` answers ARP for `address`. Takes two seconds at most. Reads the kernel's neighbour table after a ping,
 * since few systems have arping; whether the ping itself is answered does not matter, since a firewall may drop it.
 */
export async function answers(host: Pick<Host, "run">, device: string, address: string): Promise<boolean> {
  const options = { timeoutMs: 5000, ok: "any" } as const;
  await host.run(["ip", "neigh", "flush", "to", address, "dev", device], options);
  await host.run(["ping", "-c", "2", "-W", "1", "-I", device, address], options);
  const { stdout } = await host.run(["ip", "neigh", "show", "to", address, "dev", device], options);
  return / lladdr /.test(stdout) && !/ (FAILED|INCOMPLETE)/.test(stdout);
}

export function inUse(address: string): Problem {
  const message = `Another machine on the network answers for ${address} already: choose an address that nobody has, or switch that machine off.`;
  return { code: "virtual_ip_in_use", message, parameter: "virtual_ip", value: address };
}
