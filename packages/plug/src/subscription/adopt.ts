/** `ns-plug adopt`: reinstalls the cron lines of a registered machine after our packages replaced the older ones, whose removal deletes their lines. */
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { setJob } from "../cron/schedule.ts";

/** Does nothing on a machine without a subscription, or that has the lines already. */
export async function adoptSubscription(host: Host): Promise<void> {
  if (readPlugConfig(host.uci).subscription === undefined) return;
  for (const job of ["send-heartbeat", "send-inventory", "send-backup"] as const) await setJob(host, job);
}
