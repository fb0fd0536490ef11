/** Checks on which node an action may run. Has few imports, since every action starts with it. */
import type { Host } from "@nethsec/host/host";
import { type HaConfig, readHaConfig } from "./config.ts";
import { belongsOnPrimary, notConfigured } from "./ha-error.ts";

/** This primary's configuration; throws `ha_not_configured`, or `belongs_on_primary` with the command to run there. */
export function onPrimary(host: Pick<Host, "uci">, action: string): HaConfig {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  if (config.role === "backup") throw belongsOnPrimary(config, action);
  return config;
}

/** For actions that work on either node. Throws `ha_not_configured`. */
export function inCluster(host: Pick<Host, "uci">): HaConfig {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  return config;
}

/** For actions that create a cluster: refuses a backup, accepts a node outside a cluster. */
export function notOnBackup(host: Pick<Host, "uci">, action: string): void {
  const config = readHaConfig(host.uci);
  if (config?.role === "backup") throw belongsOnPrimary(config, action);
}
