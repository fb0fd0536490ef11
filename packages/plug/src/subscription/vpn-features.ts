/** Inventory features about tunnels: OpenVPN, WireGuard, IPsec (test-data/contracts/inventory.json). */
import type { Host } from "@nethsec/host/host";
import type { Section } from "@nethsec/host/uci-store";
import { on, type Source } from "./inventory-source.ts";

const openvpn = ({ uci }: Host): readonly Section[] => uci.read("openvpn").ofType("openvpn");
const isOwn = ({ name }: Section): boolean => name.startsWith("ns_");
const isRoadWarrior = (section: Section): boolean => (section.get("ns_auth_mode") ?? "") !== "";

function openvpnRoadWarriors(host: Host): unknown {
  const servers = openvpn(host).filter(isRoadWarrior);
  return {
    enabled: servers.filter((section) => on(section, "enabled")).length,
    server: servers.length,
    instances: servers.filter(isOwn).map((section) => ({
      section: section.name,
      authentication: section.get("ns_auth_mode") ?? "",
      user_database: section.get("ns_user_db") ?? null,
      mode: section.get("dev_type") ?? null,
    })),
  };
}

function openvpnTunnels(host: Host): unknown {
  const tunnels = openvpn(host).filter((section) => isOwn(section) && !isRoadWarrior(section));
  const client = tunnels.filter((section) => on(section, "client") || on(section, "ns_client")).length;
  return {
    client,
    server: tunnels.length - client,
    tunnels: tunnels.map((section) => ({ section: section.name, mode: section.get("dev_type") ?? null })),
  };
}

function wireguard({ uci }: Host): unknown {
  const network = uci.read("network");
  const interfaces = network.ofType("interface").filter((section) => section.get("proto") === "wireguard");
  const servers = interfaces.map(({ name }) => {
    const peers = network.ofType(`wireguard_${name}`);
    const all = peers.filter((peer) => peer.bool("ns_route_all_traffic", false)).length;
    return [name, { peers: peers.length, routing_all_traffic: all }] as const;
  });
  return { enabled: servers.length > 0, servers: Object.fromEntries(servers) };
}

export const vpnFeatures: Readonly<Record<string, Source>> = {
  openvpn_rw: openvpnRoadWarriors,
  openvpn_tun: openvpnTunnels,
  wireguard,
  // -1: /etc/config/ipsec does not exist.
  ipsec: ({ uci }) => ({ count: uci.load("ipsec")?.ofType("remote").length ?? -1 }),
};
