/** The networks of the machine: each interface with its zone as role, addresses and gateway. */
import type { Host } from "@nethsec/host/host";

interface Network {
  readonly name: string;
  readonly device: string;
  /** Name of the firewall zone, e.g. "lan"; "" when it is in none. */
  readonly role: string;
  readonly proto: string;
  readonly up: boolean;
  readonly addresses: readonly string[];
  readonly gateway: string;
}

export async function networks(host: Host): Promise<readonly Network[]> {
  const roles = zonesByInterface(host);
  const interfaces = await host.net.interfaces();
  return interfaces
    .filter(({ name }) => name !== "loopback")
    .map((entry) => ({
      name: entry.name,
      device: entry.device ?? "",
      role: roles.get(entry.name) ?? "",
      proto: entry.proto,
      up: entry.up,
      addresses: [...entry.ipv4, ...entry.ipv6].map(({ address, prefix }) => `${address}/${prefix}`),
      gateway: entry.routes.find(({ prefix }) => prefix === 0)?.nexthop ?? "",
    }));
}

function zonesByInterface({ uci }: Pick<Host, "uci">): ReadonlyMap<string, string> {
  const zones = uci.read("firewall").ofType("zone");
  return new Map(
    zones.flatMap((zone) =>
      zone.list("network").map((network): [string, string] => [network, zone.get("name") ?? zone.name]),
    ),
  );
}
