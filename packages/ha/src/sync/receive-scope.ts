/**
 * The paths that the backup lets the primary write and remove: decided by this node's own configuration and by its list of files kept at an upgrade,
 * never by what was sent. The holder of the synchronisation key chooses contents, not paths.
 */
import type { Host } from "@nethsec/host/host";
import { defaultSyncList } from "../cluster/sync-list.ts";
import type { HaConfig } from "../cluster/config.ts";
import { statePaths } from "../cluster/state-files.ts";
import { sysupgradeList, withoutLink } from "./file-list.ts";
import { isOwnPath, matchesAny } from "./path-rules.ts";

const keepFiles = "/lib/upgrade/keep.d";
/** Lists of the packages' configuration files. `sysupgrade -l` only names those changed on this node; the primary may have changed others. */
const opkgStatus = "/usr/lib/opkg/status";
const apkPackages = "/lib/apk/packages";

/** Returns a predicate: true for paths that may be received. Throws when `sysupgrade -l` fails. */
export async function receiveScope(host: Host, config: HaConfig): Promise<(path: string) => boolean> {
  const { files } = host;
  const leases = host.uci.read("dhcp").get("ns_dnsmasq", "leasefile") ?? "/tmp/dhcp.leases";
  const own = config.sync.list.length > 0 ? config.sync.list : defaultSyncList(leases);
  const kept = ["/etc/sysupgrade.conf", ...files.list(keepFiles).map((name) => `${keepFiles}/${name}`)];
  const listed = await sysupgradeList(host);
  const patterns = [
    "/etc/config",
    ...own,
    leases,
    ...statePaths(host),
    ...kept.flatMap((path) => linesOf(files.readText(path))),
    ...packageFiles(host),
    ...listed.paths,
  ].map((pattern) => withoutLink(files, pattern.replaceAll(/\/{2,}/g, "/").replace(/\/+$/, "")));
  const names = new Set(patterns);
  const folders = patterns.filter((pattern) => pattern.startsWith("/") && pattern !== "");
  return (path) => !isOwnPath(path) && (names.has(path) || matchesAny(path, folders));
}

/** Patterns of a list, without comments (OpenWrt's sysupgrade: `sed -ne '/^[[:space:]]*$/d; /^#/d; p'`); a line may hold several, as in the shell. */
function linesOf(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .filter((line) => !line.startsWith("#"))
    .flatMap((line) => line.trim().split(/\s+/))
    .filter((word) => word.startsWith("/"));
}

/** opkg: lines " /etc/x MD5" below "Conffiles:"; apk: files of paths, one a line. */
function packageFiles({ files }: Pick<Host, "files">): string[] {
  const opkg = (files.readText(opkgStatus) ?? "").split("\n").flatMap((line) => /^ (\/\S+) \S+$/.exec(line)?.[1] ?? []);
  const apk = files
    .list(apkPackages)
    .filter((name) => /\.conffiles(?:_static)?$/.test(name))
    .flatMap((name) => linesOf(files.readText(`${apkPackages}/${name}`)));
  return [...opkg, ...apk];
}
