/**
 * The restore phase on the backup: verify and restore the staging area, import the network sections disabled, reload only the services
 * whose files changed (documentation: "Restore phase", NOTIFY_SYNC).
 * Invariants: refused on a node that is active; what this node keeps different on purpose (DHCP force, suspended cron lines) is written
 * in the same rename as the rest; a service that does not reload does not undo the restore.
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
  /** What this node did not take, and why. */
  readonly withheld: readonly Withheld[];
}

/** `id`: of the manifest that the primary just sent; undefined: whatever complete one is there. Throws what `restore` throws, and `staging_incomplete`. */
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
  // Always, not only when /etc/ha changed: a kill between restore and import is healed by the next run. It is cheap.
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
