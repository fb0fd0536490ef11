/**
 * While the tunnel is down, a new connection to the controller's VPN address (rsyslog keeps retrying) would take the default route, unencrypted, to
 * any host with that address there. A firewall rule rejects it towards the WAN, only for the ports of reports and logs, since a host with
 * the same address may legitimately exist behind a WAN.
 */
import { isIPv4, isIPv6 } from "@nethsec/host/ip-address";
import type { Host } from "@nethsec/host/host";
import type { Grant } from "./registration.ts";

const section = "ns_controller_guard";

/** Removes the rule if there is no address or no port. Returns true when the configuration changed and the firewall must be reloaded. */
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
