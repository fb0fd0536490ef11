/**
 * The restore phase on the backup: verify and restore the staging area, import the network sections disabled, reload only the services
 * whose files changed (seed: "Restore phase", NOTIFY_SYNC).
 * Invariants: refused on a node that is active; what this node keeps different on purpose (DHCP force, suspended cron lines) is written
 * in the same rename as the rest; a service that does not reload does not undo the restore.
 */
import { suspendLines } from "@nethsec/host/local/crontab";
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { hotplugCall } from "@nethsec/host/local/hotplug";
import { parsePackage } from "@nethsec/uci/parse";
import type { Transaction } from "@nethsec/host/uci-store";
import { writePackage } from "@nethsec/uci/write";
import * as v from "valibot";
import type { HaConfig } from "../cluster/config.ts";
import { readServiceTable, servicesOfPaths, switchedOn } from "../cluster/service-table.ts";
import { readExport } from "./export-files.ts";
import { manifestId, type Manifest, type ManifestEntry, ManifestReader, parseManifest } from "./manifest.ts";
import { adoptedPath, importNetwork } from "./network-import.ts";
import { importTag, type Sections, sectionsSchema } from "../cluster/network-records.ts";
import { manifestPath } from "./path-rules.ts";
import { restore, type Transforms } from "./restore.ts";

export interface Applied {
  readonly changed: readonly string[];
  readonly reloaded: readonly string[];
}

/** `id`: of the manifest that the primary just sent; undefined: whatever complete one is there. Throws what `restore` throws, and `staging_incomplete`. */
export async function applyStaging(host: Host, config: HaConfig, id: string | undefined): Promise<Applied> {
  const manifest = stagedManifest(host, config, id);
  const transforms = transformsFor(host);
  const { stagingDir, exclude } = config.sync;
  const changed = restore({ files: host.files, random: host.random }, { manifest, stagingDir, exclude, transforms });
  pruneStaging(host, config, manifest);
  await takeDown(host, config);
  // Always, not only when /etc/ha changed: a kill between restore and import is healed by the next run. It is cheap.
  if (importExport(host, config)) await host.services.call("network", "reload", { timeoutMs: 60_000 });
  const reloaded = await reloadServices(host, changed);
  for (const path of changed) host.log.tagged("ns-rsync.sh")("info", `restored ${path}`);
  if (changed.length > 0)
    await hotplugCall(host.run, "keepalived", {
      ACTION: "NOTIFY_SYNC",
      TYPE: "INSTANCE",
      NAME: config.instance,
      NS_HA_AGENT: "1",
    });
  return { changed, reloaded };
}

function stagedManifest(host: Pick<Host, "files">, config: HaConfig, id: string | undefined): Manifest {
  const path = `${config.sync.stagingDir}${manifestPath}`;
  const text = host.files.stat(path)?.type === "file" ? host.files.readText(path) : undefined;
  if (text === undefined || (id !== undefined && manifestId(text) !== id)) {
    throw new NethsecError({
      code: "staging_incomplete",
      message: "The staging area does not hold the manifest that was announced. Nothing was changed.",
      advice: "Run `ns-ha-config sync --wait` on the primary.",
    });
  }
  return parseManifest(text);
}

const crontab = "/etc/crontabs/root";
const dhcp = "/etc/config/dhcp";

/** How this passive node's files differ from the primary's. */
export function transformsFor(host: Pick<Host, "uci">): Transforms {
  const words = readServiceTable(host.uci.load("ns-ha")).flatMap(({ cron }) => cron);
  return (path) => {
    if (path === crontab) return (text) => suspendLines(text, words);
    if (path === dhcp) return dhcpForceOff;
    return undefined;
  };
}

/** `force` 0 in every dnsmasq section: a DHCP server must not answer beside the active one. A file that does not parse is left as it is. */
export function dhcpForceOff(text: string): string {
  try {
    const pkg = parsePackage(text, "dhcp");
    for (const section of pkg.sections) if (section.type === "dnsmasq") section.set("force", "0");
    return writePackage(pkg);
  } catch {
    return text;
  }
}

/** Files of former runs that the manifest no longer has: the staging area stays as large as what it stands for. */
function pruneStaging(host: Pick<Host, "files">, config: HaConfig, manifest: Manifest): void {
  const wanted = new Set(manifest.entries.map(({ path }) => path));
  const parents = new Set(
    [...wanted].flatMap((path) =>
      path
        .split("/")
        .slice(1)
        .map((_, index, parts) => `/${parts.slice(0, index + 1).join("/")}`),
    ),
  );
  const visit = (dir: string): void => {
    for (const name of host.files.list(`${config.sync.stagingDir}${dir}`)) {
      const path = `${dir}/${name}`;
      if (path === "/tmp") visit(path);
      else if (path === manifestPath || path === "/tmp/restore_list") continue;
      else if (!parents.has(path)) host.files.remove(`${config.sync.stagingDir}${path}`, { recursive: true });
      else if (host.files.stat(`${config.sync.stagingDir}${path}`)?.type === "directory") visit(path);
    }
  };
  visit("");
}

/**
 * Interfaces of this node's own that are about to be taken over go down first: netifd would set one that is up to the primary's address at the
 * reload, for as long as it takes to bring it down, and the provider's router would learn the wrong MAC address.
 */
async function takeDown(host: Pick<Host, "files" | "uci" | "net">, config: HaConfig): Promise<void> {
  const lans = new Set(["loopback", ...config.interfaces.map(({ name }) => name)]);
  const network = host.uci.read("network");
  const coming = Object.keys(readExport(host.files).wan_interfaces).filter((name) => {
    const here = network.section(name);
    return here !== undefined && here.get("ns_tag") !== importTag && !lans.has(name);
  });
  if (coming.length === 0) return;
  const up = new Set((await host.net.interfaces()).flatMap((found) => (found.up ? [found.name] : [])));
  for (const name of coming) if (up.has(name)) await host.net.ifdown(name);
}

/** True when /etc/config/network changed. A broken export is logged: the files are restored all the same. */
export function importExport(host: Pick<Host, "files" | "uci" | "log">, config: HaConfig): boolean {
  const log = host.log.tagged("ns-ha");
  try {
    const records = readExport(host.files);
    let result: ReturnType<typeof importNetwork> = { log: [], removed: [], conflicts: [], adopted: {} };
    const lans = ["loopback", ...config.interfaces.map(({ name }) => name)];
    const changed = host.uci.change((transaction) => {
      result = importNetwork(transaction, records, lans);
    });
    rememberAdopted(host, result.adopted);
    for (const line of result.log) log("info", line);
    for (const name of result.removed) log("info", `Removing network configuration: ${name}`);
    for (const name of result.conflicts)
      log("warning", `network.${name} exists on this node already and is left as it is`);
    return changed.length > 0;
  } catch (error) {
    log("err", error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** A section that was taken over before keeps what it was at first. */
function rememberAdopted(host: Pick<Host, "files">, adopted: Sections): void {
  if (Object.keys(adopted).length === 0) return;
  host.files.write(adoptedPath, JSON.stringify({ ...adopted, ...readAdopted(host) }), { mode: 0o600 });
}

function readAdopted(host: Pick<Host, "files">): Sections {
  try {
    return v.parse(sectionsSchema, JSON.parse(host.files.readText(adoptedPath) ?? "{}"));
  } catch {
    return {}; // damaged: there is nothing to give back
  }
}

/** When the node leaves the cluster: what was imported goes, what was taken over comes back as it was. */
export function dropImported(host: Pick<Host, "files">, transaction: Transaction): void {
  const tagged = transaction.load("network").sections.filter((section) => section.get("ns_tag") === importTag);
  for (const { name } of tagged) transaction.delete("network", name);
  for (const [name, options] of Object.entries(readAdopted(host))) {
    transaction.setSection("network", name, "interface");
    for (const [option, value] of Object.entries(options)) transaction.set("network", name, option, value);
  }
}

async function reloadServices(host: Host, changed: readonly string[]): Promise<string[]> {
  const table = readServiceTable(host.uci.load("ns-ha"));
  const rows = new Map(table.map((row) => [row.name, row]));
  const enabled = enabledServices(host.files);
  const due = servicesOfPaths(table, changed).filter(({ name }) => {
    const row = rows.get(name);
    return (
      row !== undefined && host.services.exists(name) && enabled(name) && switchedOn(row, (pkg) => host.uci.load(pkg))
    );
  });
  const done = await Promise.allSettled(
    due.map(({ name, action }) => host.services.call(name, action, { timeoutMs: 30_000 })),
  );
  done.forEach((result, index) => {
    if (result.status === "rejected")
      host.log("warning", `${due[index]?.name ?? ""} did not reload: ${String(result.reason)}`);
  });
  return due.map(({ name }) => name);
}

/** `/etc/init.d/NAME enabled` without starting it: rc.common looks for the same link. */
export function enabledServices(files: Pick<Host["files"], "list">): (name: string) => boolean {
  const links = new Set(files.list("/etc/rc.d").map((name) => name.replace(/^S\d\d/, "")));
  return (name) => links.has(name);
}

/** What this node holds of the staging area's list, as the primary would describe it: for `diff`. */
export function heldEntries(host: Pick<Host, "files" | "uci" | "clock">, config: HaConfig): ManifestEntry[] {
  const manifest = stagedManifest(host, config, undefined);
  const transforms = transformsFor(host);
  const reader = new ManifestReader(host.files, () => host.clock.now());
  const sent = new Map(manifest.entries.map((entry) => [entry.path, entry]));
  return reader
    .read(manifest.roots, () => false)
    .map((entry) => {
      const transform = transforms(entry.path);
      const staged =
        transform === undefined ? undefined : host.files.readText(`${config.sync.stagingDir}${entry.path}`);
      const asSent = sent.get(entry.path);
      if (transform === undefined || staged === undefined || asSent?.type !== "file") return entry;
      return host.files.readText(entry.path) === transform(staged) ? asSent : entry;
    });
}
