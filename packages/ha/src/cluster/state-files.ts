/**
 * Files that services write on the active node, and that the other node needs for a takeover: copied from the active node to the other, in either
 * direction (docs/high-availability.md, "What travels which way"). Pure except for reading UCI and listing folders.
 * Invariant: every path is clean and contains no symbolic link of the root folder (`/var` is one on OpenWrt); the receiving node computes the
 * list itself and accepts nothing else.
 */
import type { Host } from "@nethsec/host/host";
import type { Package } from "@nethsec/host/uci-store";

export interface StateFiles {
  /** Description for messages. */
  readonly what: string;
  /** Files, or folders with all below. */
  readonly paths: readonly string[];
  /** Init scripts that read the files at start, so they are started after the files have arrived. */
  readonly services: readonly string[];
}

/** dnsmasq's own default, and that of OpenWrt's init script. */
const defaultLeaseFile = "/tmp/dhcp.leases";
/** ddns-scripts: `ddns_rundir` of section `global`. */
const defaultDdnsDir = "/var/run/ddns";
/** Backups of downloaded lists: `ban_backupdir` of banIP, `adb_backupdir` of adblock. */
const defaultBanipDir = "/tmp/banIP-backup";
const defaultAdblockDir = "/tmp/adblock-Backup";
/** Records of OpenVPN connections, a folder for each instance (data/contracts commands.json: /var/openvpn/<instance>/connections.db). */
const openvpnDir = "/var/openvpn";
const connectionsName = "connections.db";

export const plugAlerts = "/etc/ns-plug/alerts";
export const plugCursors = "/etc/ns-plug/reports.json";

/** The state files, with the paths from this node's configuration. */
export function stateFiles(host: Pick<Host, "files" | "uci">): readonly StateFiles[] {
  const { files, uci } = host;
  const option = (pkg: string, section: string, name: string, fallback: string): string =>
    uci.read(pkg).get(section, name) ?? fallback;
  const row = (what: string, services: readonly string[], paths: readonly (string | undefined)[]): StateFiles => ({
    what,
    services,
    paths: [...new Set(paths.flatMap((path) => (path === undefined ? [] : (cleanPath(files, path) ?? []))))],
  });
  return [
    row("DHCP leases", ["dnsmasq"], leaseFiles(uci.read("dhcp"))),
    row("DHCPv6 leases", ["odhcpd"], [uci.read("dhcp").get("odhcpd", "leasefile")]),
    row("certificates of ACME", ["acme", "nginx"], ["/etc/acme", "/etc/ssl/acme"]),
    row("addresses of OpenVPN clients", ["openvpn"], poolFiles(uci.read("openvpn"))),
    row("connections of OpenVPN", ["openvpn"], connectionFiles(files, uci.read("openvpn"))),
    row("dynamic DNS", ["ddns"], [option("ddns", "global", "ddns_rundir", defaultDdnsDir)]),
    row("lists of banIP", ["banip"], [option("banip", "global", "ban_backupdir", defaultBanipDir)]),
    row("lists of adblock", ["adblock"], [option("adblock", "global", "adb_backupdir", defaultAdblockDir)]),
    row(
      "alerts and reports to the portal and the controller",
      ["ns-plug"],
      [plugAlerts, plugCursors, "/etc/ns-plug/backup.sha256", "/tmp/inventory-sent.json"],
    ),
  ];
}

/** All paths, without duplicates. */
export function statePaths(host: Pick<Host, "files" | "uci">): string[] {
  return [...new Set(stateFiles(host).flatMap(({ paths }) => paths))].sort();
}

/** Lease files of dnsmasq's instances. */
export function leaseFiles(dhcp: Package): string[] {
  return dhcp.ofType("dnsmasq").map((section) => section.get("leasefile") ?? defaultLeaseFile);
}

/** `ifconfig_pool_persist 'FILE [SECONDS]'` (openvpn(8): --ifconfig-pool-persist file [seconds]). */
function poolFiles(openvpn: Package): string[] {
  return openvpn.ofType("openvpn").flatMap((section) => {
    const file = section.get("ifconfig_pool_persist")?.trim().split(/\s+/)[0];
    return file === undefined || file === "" ? [] : [file];
  });
}

/** One folder per instance: the existing ones and, since a reboot empties /var, those named in the configuration. */
function connectionFiles(files: Host["files"], openvpn: Package): string[] {
  const instances = [...files.list(openvpnDir), ...openvpn.ofType("openvpn").map(({ name }) => name)];
  return instances.map((instance) => `${openvpnDir}/${instance}/${connectionsName}`);
}

/** A clean path with a leading link resolved; undefined for a relative path, one with `..`, or a direct child of the root folder. */
function cleanPath(files: Pick<Host["files"], "readlink">, path: string): string | undefined {
  const [, first = "", ...rest] = path
    .replaceAll(/\/{2,}/g, "/")
    .replace(/\/+$/, "")
    .split("/");
  if (!path.startsWith("/") || rest.length === 0 || [first, ...rest].some((part) => part === "." || part === ".."))
    return undefined;
  const target = files.readlink(`/${first}`);
  const start = target === undefined ? `/${first}` : target.startsWith("/") ? target : `/${target}`;
  return [start, ...rest].join("/");
}
