/**
 * `distfeed-setup`: writes the package manager's feeds for this machine's repository (test-data/contracts/portal.json: package_feeds,
 * package_feeds_apk; commands.json: /usr/sbin/distfeed-setup). For opkg one file with absolute URLs; for apk three files whose URLs use variables,
 * so that an administrator can override a variable in a 98-….list file.
 */
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { publicRepository } from "./repository.ts";

const opkgFile = "/etc/opkg/distfeeds.conf";
const apkFolder = "/etc/apk/repositories.d";
const opkgFeeds = ["base", "luci", "nethsecurity", "packages", "routing"] as const;
const apkFeeds = ["base", "luci", "nethsecurity", "packages"] as const;
const written = "# Written by distfeed-setup. Changes are lost at the next upgrade or registration";

type Needs = Pick<Host, "files" | "system" | "uci">;

/** `version` replaces that of /etc/os-release. Writes only changed files, readable for root only, since they hold the machine's credentials. */
export function setUpFeeds(host: Needs, version?: string): void {
  for (const [path, text] of feedFiles(host, version)) {
    if (text === undefined) host.files.remove(path);
    else if (host.files.readText(path) !== text) host.files.write(path, text, { mode: 0o600 });
  }
}

function feedFiles(
  host: Needs,
  given: string | undefined,
): readonly (readonly [path: string, text: string | undefined])[] {
  const release = host.system.osRelease();
  // Do not change the feeds of another system.
  if (release["ID"] !== "nethsecurity") return [];
  const target = release["OPENWRT_BOARD"] ?? "x86/64";
  const arch = release["OPENWRT_ARCH"] ?? "x86_64";
  if (host.files.exists(apkFolder))
    return apkFiles(host, { target, arch, version: given ?? release["VERSION_ID"] ?? "" });
  if (!host.files.exists("/etc/opkg")) return [];
  const base = host.uci.read("ns-plug").get("config", "repository_url") || publicRepository(host);
  const root = `${base.replace(/\/+$/, "")}/${given ?? release["VERSION"] ?? ""}`;
  const lines = [
    `src/gz nethsecurity_core ${root}/targets/${target}/packages`,
    ...opkgFeeds.map((feed) => `src/gz nethsecurity_${feed} ${root}/packages/${arch}/${feed}`),
  ];
  return [[opkgFile, `${lines.join("\n")}\n`]];
}

interface Names {
  readonly target: string;
  readonly arch: string;
  readonly version: string;
}

function apkFiles(host: Needs, { target, arch, version }: Names): readonly (readonly [string, string | undefined])[] {
  const { subscription } = readPlugConfig(host.uci);
  const open = publicRepository(host).replace("https://", "");
  const defaults = [
    `${written}; to override a value, set it in 98-overrides.list.`,
    `set -default target_arch=${target}`,
    `set -default package_arch=${arch}`,
    `set -default openwrt_version=${host.files.readText("/etc/openwrt_version")?.trim() ?? ""}`,
    `set -default repo_channel=${open.split("/")[1] ?? ""}`,
    `set -default version=${version}`,
    "set -default endpoint=updates.nethsecurity.nethserver.org/${repo_channel}",
  ];
  const feeds = [
    "https://${endpoint}/${version}/targets/${target_arch}/packages/packages.adb",
    ...apkFeeds.map((feed) => `https://\${endpoint}/\${version}/packages/\${package_arch}/${feed}/packages.adb`),
  ];
  const enterprise =
    subscription === undefined
      ? undefined
      : `${written}.\nset endpoint=${subscription.systemId}:${subscription.secret}@distfeed.nethesis.it/repository/${subscription.plan}/nethsecurity\n`;
  return [
    [`${apkFolder}/99-defaults.list`, `${defaults.join("\n")}\n`],
    [`${apkFolder}/distfeeds.list`, `${feeds.join("\n")}\n`],
    [`${apkFolder}/01-enterprise.list`, enterprise],
  ];
}
