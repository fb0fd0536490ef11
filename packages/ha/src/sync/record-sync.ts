/** Records the outcome of the last synchronisation in /var/state, keepalived.ha_peer, where OpenWrt's scripts and `status` read it. */
import type { Host } from "@nethsec/host/host";

/** `status`: a documented word, e.g. "Successful"; the time is now, in epoch seconds. */
export function recordSync(host: Pick<Host, "uci" | "clock">, status: string): void {
  host.uci.setState("keepalived", "ha_peer", "last_sync_status", status);
  host.uci.setState("keepalived", "ha_peer", "last_sync_time", String(Math.floor(host.clock.now() / 1000)));
}
