/** Publishes the result of a synchronisation: its record in /var/state, the log, a condition, an alert, the history. */
import type { Conditions } from "@nethsec/host/conditions";
import type { Host } from "@nethsec/host/host";
import { clearBackupPending, isBackupPending } from "../cluster/backup-pending.ts";
import { recordSync } from "../sync/record-sync.ts";
import type { SyncOutcome } from "../sync/sync-sender.ts";
import type { Alerts } from "./alerts.ts";
import type { History } from "./history.ts";

interface Listeners {
  readonly host: Host;
  readonly alerts: Alerts;
  readonly conditions: Conditions;
  readonly history: History;
}

/**
 * `otherIsOut`: the backup is in maintenance, and may be switched off: then a failure is no alert.
 * The history only gets runs that changed files, and the start and end of a failure.
 */
export function announceSyncResult(
  { host, alerts, conditions, history }: Listeners,
  outcome: SyncOutcome,
  otherIsOut = false,
): void {
  const { status, ok, changed, tookMs, reason, advice } = outcome;
  recordSync(host, status);
  const took = Math.round(tookMs);
  const log = host.log.tagged("ns-rsync.sh");
  const pending = isBackupPending(host) || otherIsOut;
  if (ok) clearBackupPending(host);
  if (ok || !pending) alerts.set("ha:sync:failed", ok ? "OK" : "FAILURE");
  if (ok) {
    log("info", `${status}: ${changed.length} paths changed on the backup node, ${took} ms`);
    const news = conditions.clear("sync_failed");
    if ((news && !pending) || changed.length > 0)
      history.add({ node: "primary", kind: "sync", text: `${status}, ${changed.length} changed`, tookMs: took });
    return;
  }
  log("err", `${status}: ${reason ?? ""}`);
  const text = [`${status}:`, reason, advice].filter((part) => part !== undefined).join(" ");
  if (conditions.raise("sync_failed", "error", text) && !pending)
    history.add({ node: "primary", kind: "fault", text: `synchronisation: ${status}` });
}
