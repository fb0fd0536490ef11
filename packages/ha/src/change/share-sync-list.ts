/**
 * The backup accepts only the paths in its own configuration. The administrator extends the list on the primary, as documented, so the primary
 * sends the list to the backup, using the administrator's key: the synchronisation key must not be able to change the backup's configuration.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { callPeer } from "./peer.ts";

/** Primary. Throws what the link throws. */
export async function shareSyncList(host: Pick<Host, "files" | "run">, config: HaConfig): Promise<void> {
  await callPeer(host, config, "set-sync-list", { list: config.sync.list });
}

/** Backup. Writes nothing when the list is unchanged. Throws `not_the_backup`. */
export function setOwnSyncList(host: Pick<Host, "uci">, list: readonly string[]): void {
  const config = readHaConfig(host.uci);
  if (config?.role !== "backup") {
    throw new NethsecError({
      code: "not_the_backup",
      message: "The list of synchronised files is set on the primary node; only the backup node is told it.",
    });
  }
  if (JSON.stringify(config.sync.list) === JSON.stringify(list)) return;
  host.uci.change((tx) => tx.set("keepalived", "ha_peer", "sync_list", list));
}
