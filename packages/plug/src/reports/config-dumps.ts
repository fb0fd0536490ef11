/** What the controller's reports need to know of the configuration: unit, WANs, OpenVPN instances. Told at each push: it replaces what was told before. */
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";

export function unitConfig({ uci, system }: Pick<Host, "uci" | "system">): { readonly name: string } {
  return { name: readPlugConfig(uci).controller.unitName ?? system.hostname() };
}

/** One item a WAN: the interfaces of the firewall's zone `wan`, aliases aside. */
export async function wanConfig({
  uci,
  net,
}: Pick<Host, "uci" | "net">): Promise<readonly { interface: string; device: string; status: string }[]> {
  const zone = uci
    .read("firewall")
    .ofType("zone")
    .find((entry) => entry.name === "ns_wan" || entry.get("name") === "wan");
  const network = uci.read("network");
  const up = new Map((await net.interfaces()).map((entry) => [entry.name, entry]));
  return (zone?.list("network") ?? [])
    .filter((name) => network.get(name, "device")?.startsWith("@") !== true)
    .map((name) => ({
      interface: name,
      device: up.get(name)?.device ?? network.get(name, "device") ?? "",
      status: up.get(name)?.up === true ? "online" : "offline",
    }));
}

export function vpnConfig({
  uci,
}: Pick<Host, "uci">): readonly { instance: string; device: string; type: string; name: string }[] {
  return uci
    .read("openvpn")
    .ofType("openvpn")
    .filter((section) => section.name.startsWith("ns_"))
    .map((section) => {
      const roadWarrior = section.get("ns_auth_mode") !== undefined;
      const client = section.bool("client", false) || section.bool("ns_client", false);
      return {
        instance: section.name,
        device: section.get("dev") ?? "tun1",
        type: roadWarrior ? "rw" : client ? "client" : "server",
        name: section.get(roadWarrior ? "ns_description" : "ns_name") ?? "",
      };
    });
}
