/** `send-heartbeat`: reports to the portal every ten minutes that this machine is alive. */
import type { Host } from "@nethsec/host/host";
import type { Subscription } from "../config.ts";
import { recordOutcome } from "../cron/outcome.ts";
import { type PostOptions, postToPortal } from "../portal/portal.ts";
import { copyHeartbeat } from "../portal/second-portal.ts";

/** Throws HttpError. Few retries suffice: the next heartbeat follows in ten minutes. An enterprise machine sends it to the second portal as well. */
export async function sendHeartbeat(
  host: Host,
  subscription: Subscription,
  options: PostOptions = { retries: 1 },
): Promise<void> {
  const url = `${subscription.alertsUrl}heartbeats/store`;
  try {
    await recordOutcome(host, "heartbeat", () =>
      postToPortal(host, subscription, url, { lk: subscription.systemId }, options),
    );
  } finally {
    await copyHeartbeat(host, subscription);
  }
}
