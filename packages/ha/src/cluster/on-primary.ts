/** Where an action belongs. Loads little: every action begins with it. */
import type { Host } from "@nethsec/host/host";
import { type HaConfig, readHaConfig } from "./config.ts";
import { belongsOnPrimary, notConfigured } from "./ha-error.ts";

/** This primary's configuration; throws `ha_not_configured`, or `belongs_on_primary` with the command to reach it. */
export function onPrimary(host: Pick<Host, "uci">, action: string): HaConfig {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  if (config.role === "backup") throw belongsOnPrimary(config, action);
  return config;
}

/** For what either node can answer. Throws `ha_not_configured`. */
export function inCluster(host: Pick<Host, "uci">): HaConfig {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  return config;
}

/** For actions that begin a cluster: a backup is refused, a node of no cluster is right. */
export function notOnBackup(host: Pick<Host, "uci">, action: string): void {
  const config = readHaConfig(host.uci);
  if (config?.role === "backup") throw belongsOnPrimary(config, action);
}
