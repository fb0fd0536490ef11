/** Which devices have which addresses now, from the kernel's neighbour table and dnsmasq's leases. Pure, but for {@link readNeighbours}. */
import type { Host } from "@nethsec/host/host";
import { leaseDevices, leaseFiles } from "../names/name-sources.ts";
import { isDevice } from "../store/client-key.ts";

/**
 * `ip neigh show` (ip-neighbour(8)): `192.168.1.7 dev br-lan lladdr 4a:d3:49:8f:86:ca REACHABLE`; entries without an answer have no `lladdr`. Clients
 * behind another router are not in the table, only that router is.
 */
export function neighboursIn(text: string): Map<string, string> {
  const devices = new Map<string, string>();
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    const [address = ""] = words;
    const device = words[words.indexOf("lladdr") + 1]?.toLowerCase() ?? "";
    if (words.includes("lladdr") && isDevice(device)) devices.set(address.toLowerCase(), device);
  }
  return devices;
}

/** The device of each address: of the neighbours, else of the leases. Throws `RunError` when `ip` cannot be run. */
export async function readNeighbours(host: Pick<Host, "run" | "files" | "uci">): Promise<Map<string, string>> {
  const { stdout } = await host.run(["ip", "neigh", "show"], { timeoutMs: 5000, maxOutput: 4 * 1024 * 1024 });
  const texts = leaseFiles(host.uci.read("dhcp")).map((path) => host.files.readText(path) ?? "");
  return new Map([...texts.flatMap((text) => [...leaseDevices(text)]), ...neighboursIn(stdout)]);
}
