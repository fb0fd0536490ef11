/** `ns-plug adopt`: the cron lines of a registered machine whose packages were replaced; the older packages take theirs away with them. */
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { setJob } from "../cron/schedule.ts";

/** Changes nothing on a machine without a subscription, or that has the lines. */
export async function adoptSubscription(host: Host): Promise<void> {
  if (readPlugConfig(host.uci).subscription === undefined) return;
  for (const job of ["send-heartbeat", "send-inventory", "send-backup"] as const) await setJob(host, job);
}
