/** Which features are in use, and how often, from the configuration alone (UCI packages that are not there count as not used). */
import type { Host } from "@nethsec/host/host";
import type { Package, Section } from "@nethsec/host/uci-store";

const enabled = (section: Section | undefined, option = "enabled", fallback = false): boolean =>
  section?.bool(option, fallback) ?? false;
const count = (pkg: Package, type: string, option = "enabled", fallback = true): number =>
  pkg.ofType(type).filter((section) => enabled(section, option, fallback)).length;

type Feature = (read: (name: string) => Package) => number | boolean;

const table: Readonly<Record<string, Feature>> = {
  adblock: (read) => enabled(read("adblock").section("global"), "adb_enabled"),
  banip: (read) => enabled(read("banip").section("global"), "ban_enabled"),
  certificates_acme: (read) => count(read("acme"), "cert"),
  controller: (read) => (read("ns-plug").get("config", "server") ?? "") !== "",
  ddns: (read) => count(read("ddns"), "service", "enabled", false),
  dhcp_servers: (read) =>
    read("dhcp")
      .ofType("dhcp")
      .filter((dhcp) => dhcp.get("dhcpv4") === "server" && !dhcp.bool("ignore", false)).length,
  dpi_rules: (read) => count(read("dpi"), "rule"),
  flashstart: (read) => enabled(read("flashstart").section("global")),
  firewall_rules: (read) => count(read("firewall"), "rule"),
  high_availability: (read) =>
    read("keepalived").ofType("vrrp_instance").length > 0 &&
    enabled(read("keepalived").section("globals"), "enabled", true),
  hotspot: (read) => !(read("dedalo").section("config")?.bool("disabled", true) ?? true),
  ipsec_tunnels: (read) => count(read("ipsec"), "remote"),
  multiwan_interfaces: (read) => count(read("mwan3"), "interface"),
  netmap: (read) => count(read("netmap"), "rule"),
  openvpn_roadwarrior: (read) =>
    read("openvpn")
      .ofType("openvpn")
      .filter((server) => server.name.startsWith("ns_roadwarrior") && enabled(server)).length,
  openvpn_tunnels: (read) =>
    read("openvpn")
      .ofType("openvpn")
      .filter((tunnel) => !tunnel.name.startsWith("ns_roadwarrior") && enabled(tunnel)).length,
  port_forwards: (read) => count(read("firewall"), "redirect"),
  qos: (read) =>
    read("qosify")
      .ofType("interface")
      .filter((entry) => !entry.bool("disabled", false)).length,
  reverse_proxy: (read) => read("nginx").ofType("location").length,
  snmp: (read) => enabled(read("snmpd").section("general")),
  snort: (read) => enabled(read("snort").section("snort")),
  static_routes: (read) => read("network").ofType("route").length + read("network").ofType("route6").length,
  wireguard_tunnels: (read) =>
    read("network")
      .ofType("interface")
      .filter((entry) => entry.get("proto") === "wireguard").length,
};

/** Feature → how many, or whether. One whose package does not parse is null. */
export function features({ uci }: Pick<Host, "uci">): Readonly<Record<string, number | boolean | null>> {
  const answer: Record<string, number | boolean | null> = {};
  for (const [name, feature] of Object.entries(table)) {
    try {
      answer[name] = feature((pkg) => uci.read(pkg));
    } catch {
      answer[name] = null;
    }
  }
  return answer;
}
