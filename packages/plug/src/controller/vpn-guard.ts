/**
 * While the tunnel is down, a new connection to the controller's address in it (rsyslog tries again and again) would go by the default route, in the
 * clear and to whoever has that address there. A rule of the firewall refuses it on the way out.
 */
import { isIP } from "node:net";
import type { Host } from "@nethsec/host/host";

const section = "ns_controller_guard";

/** undefined: no rule. True when the firewall's configuration changed; it then wants a reload. */
export function setVpnGuard(host: Pick<Host, "uci">, vpnAddress: string | undefined): boolean {
  const hasWan = host.uci
    .read("firewall")
    .ofType("zone")
    .some((zone) => zone.get("name") === "wan");
  const changed = host.uci.change((transaction) => {
    if (vpnAddress === undefined || isIP(vpnAddress) === 0 || !hasWan) {
      transaction.delete("firewall", section);
      return;
    }
    transaction.setSection("firewall", section, "rule");
    transaction.set("firewall", section, "name", "Controller-only-through-its-VPN");
    transaction.set("firewall", section, "dest", "wan");
    transaction.set("firewall", section, "dest_ip", vpnAddress);
    transaction.set("firewall", section, "proto", "all");
    transaction.set("firewall", section, "target", "REJECT");
  });
  return changed.length > 0;
}
