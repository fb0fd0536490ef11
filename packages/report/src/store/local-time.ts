/**
 * Reports are in the firewall's local time. OpenWrt keeps its zone in /etc/config/system, where the runtime does not look: without this, days
 * would begin at midnight UTC.
 */
import type { UciStore } from "@nethsec/host/uci-store";

/** Sets the process' time zone to `system.@system[0].zonename` ("Europe/Rome"), unless TZ or that option says otherwise or nothing. */
export function useLocalTime(uci: Pick<UciStore, "read">, env: Record<string, string | undefined> = process.env): void {
  if (env["TZ"] !== undefined) return;
  // LuCI writes "America/New York".
  const zone = uci.read("system").ofType("system")[0]?.get("zonename")?.replaceAll(" ", "_");
  if (zone !== undefined && isZone(zone)) env["TZ"] = zone;
}

/** The runtime takes a zone that it does not know for UTC without a word: only known ones are set. */
function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
