/** `send-heartbeat`: tells the portal every ten minutes that this machine is alive. */
import type { HttpHost } from "@nethsec/host/http";
import type { Subscription } from "../config.ts";
import { postToPortal } from "./portal.ts";

/** Throws HttpError. A lost one is not repeated: the next comes in ten minutes. */
export async function sendHeartbeat(host: HttpHost, subscription: Subscription): Promise<void> {
  await postToPortal(host, subscription, `${subscription.alertsUrl}heartbeats/store`, { lk: subscription.systemId }, 1);
}
