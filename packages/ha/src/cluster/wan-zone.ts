/** The firewall zone whose networks follow the active node. Pure. */
import type { Package, Section } from "@nethsec/host/uci-store";

/**
 * The section `ns_wan`, as NethSecurity names it; without it the first zone with the option `name 'wan'`, since a plain OpenWrt has zones
 * without section names. undefined: neither exists.
 */
export function wanZone(firewall: Package): Section | undefined {
  const zones = firewall.ofType("zone");
  return zones.find(({ name }) => name === "ns_wan") ?? zones.find((zone) => zone.get("name") === "wan");
}

/** Names of the network interfaces in the WAN zone; [] without one. */
export function wanNetworks(firewall: Package): string[] {
  return wanZone(firewall)?.list("network") ?? [];
}
