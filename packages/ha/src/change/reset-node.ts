/**
 * Leaving the cluster: removes every trace of it from this node, which continues as a standalone firewall with its current network configuration.
 * Invariant: each step checks the actual state, so that running it again completes an interrupted reset.
 */
import type { Host } from "@nethsec/host/host";
import type { Transaction } from "@nethsec/host/uci-store";
import { readServiceTable, switchedOn } from "../cluster/service-table.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";
import { removeNode } from "./edit-config.ts";
import { savedMembershipPath } from "../cluster/saved-membership.ts";
import { publicKey, revokeKeys } from "../ssh/keys.ts";
import { dropImported } from "../sync/adopted-sections.ts";
import { importTag } from "../cluster/network-records.ts";
import { restoreListPath } from "../sync/path-rules.ts";

type Machine = Pick<Host, "uci" | "files" | "services" | "cron" | "run">;

/** Files and folders the cluster wrote, besides configuration. */
const traces = [
  haPaths.keepalivedConf,
  haPaths.keepalivedLink,
  haPaths.conntrackdConf,
  haPaths.linkRulesIn,
  haPaths.linkRulesOut,
  haPaths.stagingDir,
  haPaths.exportDir,
  haPaths.keysDir,
  restoreListPath,
  "/tmp/keepalived.json",
  "/var/run/ns-ha",
  "/var/lib/ns-ha",
  "/etc/keepalived/ns-ha",
  "/etc/ns-ha",
  "/usr/share/keepalived/restore.json",
  "/tmp/ns-ha-manifest.json",
];

/** True when cluster files remain on a node without a cluster configuration: an interrupted reset. */
export function hasTraces(host: Pick<Host, "files">): boolean {
  return host.files.exists(haPaths.keysDir) || host.files.exists(haPaths.conntrackdConf);
}

export interface ResetOptions {
  /** A public key of the primary to revoke, besides those in the configuration. */
  readonly extraKey?: string;
  /** The backup replaces the primary: sections imported from it become this node's own, and stay up. */
  readonly successor?: boolean;
}

export async function resetNode(host: Machine, options: ResetOptions = {}): Promise<void> {
  const backup = readHaConfig(host.uci)?.role === "backup";
  for (const service of ["ns-ha", "keepalived", "conntrackd"]) {
    if (!host.services.exists(service)) continue;
    await host.services.call(service, "stop");
    await host.services.call(service, "disable");
  }
  const keys = await keysOfCluster(host, options.extraKey);
  // First: with the copy present, a node without cluster configuration counts as one that lost it.
  host.files.remove(savedMembershipPath);
  host.uci.change((tx) => {
    removeNode(tx);
    if (backup && options.successor === true) keepImported(tx);
    else if (backup) dropImported(host, tx);
  });
  for (const option of ["last_sync_status", "last_sync_time"])
    host.uci.setState("keepalived", "ha_peer", option, undefined);
  for (const path of traces) {
    // None of our paths in /tmp is a folder; a folder of that name belongs to another user and must not be walked through.
    if (path.startsWith("/tmp/") && host.files.stat(path)?.type === "directory") continue;
    host.files.remove(path, { recursive: true });
  }
  if (backup) await goOnAlone(host);
  // Revoke the keys last, so that the primary can still connect and retry after a failure.
  revokeKeys(host.files, keys);
  await host.services.reloadConfig();
}

async function keysOfCluster(host: Machine, extraKey: string | undefined): Promise<(string | undefined)[]> {
  const peer = host.uci.read("keepalived").section("ha_peer");
  const own = host.files.exists(haPaths.syncKey) ? await publicKey(host, haPaths.syncKey) : undefined;
  return [peer?.get("ssh_pubkey"), peer?.get("ssh_admin_pubkey"), own, extraKey];
}

/** Removes the import marks, and the options that kept the imported sections down (see sync/network-import.ts). */
function keepImported(tx: Transaction): void {
  for (const section of tx.load("network").sections) {
    if (section.get("ns_tag") !== importTag) continue;
    const { name, type } = section;
    const route = type === "route" || type === "route6";
    const [held, own] = route ? ["disabled", section.get("ns_disabled")] : ["auto", section.get("ns_auto")];
    if (type === "interface" || route) tx.set("network", name, held, own ?? "");
    for (const mark of ["ns_tag", "ns_auto", "ns_disabled"]) tx.delete("network", name, mark);
  }
}

/** Starts the services that were stopped on the backup, if they are enabled, and restores its cron lines. */
async function goOnAlone(host: Machine): Promise<void> {
  const table = readServiceTable(host.uci.load("ns-ha"));
  const resumed = host.cron.resume(table.flatMap(({ cron }) => cron));
  if (resumed && host.services.exists("cron")) await host.services.call("cron", "restart");
  const stopped = table.filter(({ name, passive }) => passive === "stop" && host.services.exists(name));
  const wanted = stopped.filter((row) => switchedOn(row, (pkg) => host.uci.load(pkg)));
  for (const { name } of wanted) if (await host.services.enabled(name)) await host.services.call(name, "start");
}
