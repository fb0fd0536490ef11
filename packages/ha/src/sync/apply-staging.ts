/**
 * The restore phase on the backup: verify and restore the staging area, import the network sections disabled, reload only the services
 * whose files changed (documentation: "Restore phase", NOTIFY_SYNC).
 * Invariants: refused on an active node; intended differences of this node (DHCP force, suspended cron lines) are applied before the
 * file is renamed into place; a failed service reload does not undo the restore.
 */
import type { Host } from "@nethsec/host/host";
import { shownPath } from "@nethsec/host/files/os-path";
import { hotplugCall } from "@nethsec/host/local/hotplug";
import type { Withheld } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import { heldBack } from "./held-back.ts";
import { importExport, takeDown } from "./import-export.ts";
import type { Manifest } from "./manifest.ts";
import { transformsFor } from "./node-differences.ts";
import { pruneStaging } from "./prune-staging.ts";
import { receiveScope } from "./receive-scope.ts";
import { reloadServices } from "./reload-services.ts";
import { restore } from "./restore.ts";
import { stagedManifest } from "./staged-manifest.ts";

export interface Applied {
  readonly changed: readonly string[];
  readonly reloaded: readonly string[];
  /** Paths that this node did not take, and why. */
  readonly withheld: readonly Withheld[];
}

/** `id`: of the manifest that the primary just sent; undefined: any complete one. Throws like `restore`, and `staging_incomplete`. */
export async function applyStaging(host: Host, config: HaConfig, id: string | undefined): Promise<Applied> {
  const log = host.log.tagged("ns-rsync.sh");
  const manifest = stagedManifest(host, config, id);
  const lost = heldBack(host.files, config, manifest);
  const transforms = transformsFor(host);
  const { stagingDir, exclude } = config.sync;
  const inScope = await receiveScope(host, config);
  const restored = restore(
    { files: host.files, random: host.random, system: host.system },
    { manifest: without(manifest, lost), stagingDir, exclude, transforms, inScope },
  );
  const { changed } = restored;
  const withheld = [...lost, ...restored.withheld];
  for (const { path, reason } of withheld) log("warning", `${shownPath(path)} stays as it is: ${reason}`);
  pruneStaging(host, config, manifest);
  await takeDown(host, config);
  // Import every time, not only when /etc/ha changed: it is cheap, and the next run repairs a kill between restore and import.
  if (importExport(host, config)) await host.services.call("network", "reload", { timeoutMs: 60_000 });
  const reloaded = await reloadServices(host, changed);
  for (const path of changed) log("info", `restored ${shownPath(path)}`);
  if (changed.length > 0)
    await hotplugCall(host.run, "keepalived", {
      ACTION: "NOTIFY_SYNC",
      TYPE: "INSTANCE",
      NAME: config.instance,
      NS_HA_AGENT: "1",
    });
  return { changed, reloaded, withheld };
}

function without(manifest: Manifest, withheld: readonly Withheld[]): Manifest {
  const kept = new Set([...manifest.kept, ...withheld.map(({ path }) => path)]);
  return { ...manifest, kept: [...kept], entries: manifest.entries.filter(({ path }) => !kept.has(path)) };
}
