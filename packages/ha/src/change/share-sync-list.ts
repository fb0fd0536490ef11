/**
 * The backup takes only what its own configuration names. The administrator extends the list on the primary, as documented, so the primary tells it
 * to the backup: by the administrator's key, which may change the backup; the key of the synchronisation may not.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { callPeer } from "./peer.ts";

/** Primary. Throws what the link throws. */
export async function shareSyncList(host: Pick<Host, "files" | "run">, config: HaConfig): Promise<void> {
  await callPeer(host, config, "set-sync-list", { list: config.sync.list });
}

/** Backup. Nothing is written when it is the same already. Throws `not_the_backup`. */
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
