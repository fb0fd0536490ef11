/**
 * What the backup lets the primary write and remove: decided by this node's own configuration and by what its system keeps at an upgrade, never by
 * what was sent. Whoever has the key of the synchronisation chooses contents, not places.
 */
import type { Host } from "@nethsec/host/host";
import { defaultSyncList } from "../cluster/sync-list.ts";
import type { HaConfig } from "../cluster/config.ts";
import { statePaths } from "../cluster/state-files.ts";
import { sysupgradeList, withoutLink } from "./file-list.ts";
import { isOwnPath, matchesAny } from "./path-rules.ts";

const keepFiles = "/lib/upgrade/keep.d";
/** Configuration files of the packages: `sysupgrade -l` lists those that were changed, which the primary's may be and this node's not. */
const opkgStatus = "/usr/lib/opkg/status";
const apkPackages = "/lib/apk/packages";

/** True for paths that may be received. Throws when `sysupgrade -l` fails. */
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

/** Without comments (sysupgrade of OpenWrt: `sed -ne '/^[[:space:]]*$/d; /^#/d; p'`); several patterns on a line, as the shell splits them. */
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
