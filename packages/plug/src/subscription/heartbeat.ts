/** `send-heartbeat`: tells the portal every ten minutes that this machine is alive. */
import type { Host } from "@nethsec/host/host";
import type { Subscription } from "../config.ts";
import { recordOutcome } from "../cron/outcome.ts";
import { postToPortal } from "../portal/portal.ts";

/** Throws HttpError. A lost one is not repeated: the next comes in ten minutes. */
export async function sendHeartbeat(host: Host, subscription: Subscription): Promise<void> {
  await recordOutcome(host, "heartbeat", () =>
    postToPortal(host, subscription, `${subscription.alertsUrl}heartbeats/store`, { lk: subscription.systemId }, 1),
  );
}
