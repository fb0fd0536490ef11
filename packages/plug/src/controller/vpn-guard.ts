/**
 * While the tunnel is down, a new connection to the controller's address in it (rsyslog tries again and again) would go by the default route, in the
 * clear and to whoever has that address there. A rule of the firewall refuses it on the way out: for the ports of reports and logs only, as a
 * WAN may have hosts of the same address.
 */
import { isIPv4, isIPv6 } from "@nethsec/host/ip-address";
import type { Host } from "@nethsec/host/host";
import type { Grant } from "./registration.ts";

const section = "ns_controller_guard";

/** No rule without an address and a port. True when the firewall's configuration changed; it then wants a reload. */
export function setVpnGuard(
  host: Pick<Host, "uci">,
  grant: Pick<Grant, "vpnAddress" | "apiPort" | "promtail"> | undefined,
): boolean {
  const address = grant?.vpnAddress ?? "";
  const logPort = grant?.promtail?.address === address ? grant.promtail.port : undefined;
  const ports = [grant?.apiPort, logPort].filter((port) => port !== undefined);
  const hasWan = host.uci
    .read("firewall")
    .ofType("zone")
    .some((zone) => zone.get("name") === "wan");
  const changed = host.uci.change((transaction) => {
    if (!(isIPv4(address) || isIPv6(address)) || ports.length === 0 || !hasWan) {
      transaction.delete("firewall", section);
      return;
    }
    transaction.setSection("firewall", section, "rule");
    transaction.set("firewall", section, "name", "Controller-only-through-its-VPN");
    transaction.set("firewall", section, "dest", "wan");
    transaction.set("firewall", section, "dest_ip", address);
    transaction.set("firewall", section, "proto", "tcp");
    transaction.set("firewall", section, "dest_port", ports.join(" "));
    transaction.set("firewall", section, "target", "REJECT");
  });
  return changed.length > 0;
}
