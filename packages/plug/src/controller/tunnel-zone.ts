/**
 * The firewall zone of the tunnel. The released packages put the tunnel into zone `lan`; ours get a zone of its own, from which nothing is
 * forwarded (created at installation by system/openwrt/etc/uci-defaults/40_ns-plug-firewall).
 */
import type { Host } from "@nethsec/host/host";
import { tunnelDevice } from "./client-conf.ts";

const section = "ns_controller";

const zonesWithTunnel = ({
  uci,
}: Pick<Host, "uci">): readonly { readonly name: string; readonly devices: readonly string[] }[] =>
  uci
    .read("firewall")
    .ofType("zone")
    .map((zone) => ({ name: zone.name, devices: zone.list("device") }))
    .filter(({ devices }) => devices.includes(tunnelDevice));

/** Creates the tunnel's own zone unless the tunnel is in some zone already. */
export function ensureTunnelZone(host: Pick<Host, "uci">): void {
  if (zonesWithTunnel(host).length > 0) return;
  host.uci.change((transaction) => {
    transaction.setSection("firewall", section, "zone");
    for (const [option, value] of [
      ["name", "controller"],
      ["input", "ACCEPT"],
      ["output", "ACCEPT"],
      ["forward", "REJECT"],
    ] as const)
      transaction.set("firewall", section, option, value);
    transaction.set("firewall", section, "device", [tunnelDevice]);
  });
}

/** Takes the tunnel out of every zone but its own. */
export function leaveForeignZones(host: Pick<Host, "uci">): void {
  const foreign = zonesWithTunnel(host).filter(({ name }) => name !== section);
  if (foreign.length === 0) return;
  host.uci.change((transaction) => {
    for (const { name, devices } of foreign) {
      const others = devices.filter((device) => device !== tunnelDevice);
      if (others.length === 0) transaction.delete("firewall", name, "device");
      else transaction.set("firewall", name, "device", others);
    }
  });
}
