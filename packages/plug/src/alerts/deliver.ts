/** Delivery of the alert queue: in order, each state once; what cannot be sent stays and is tried again by cron, or with the next alert. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { setJob } from "../schedule.ts";
import { postToPortal } from "../subscription/portal.ts";
import { markDelivered, queueAlert, readAlerts, type AlertStatus } from "./queue.ts";

export type Delivery = "sent" | "queued" | "unchanged" | "no_subscription";

/** Sends one state of an alert, after whatever waits. Nothing is queued without a subscription: there is nobody to tell. */
export async function sendAlert(host: Host, id: string, status: AlertStatus, again = false): Promise<Delivery> {
  if (readPlugConfig(host.uci).subscription === undefined) return "no_subscription";
  if (!queueAlert(host, id, status, again)) return (await deliverAlerts(host)) ? "unchanged" : "queued";
  return (await deliverAlerts(host)) ? "sent" : "queued";
}

/** True when nothing is left to deliver. Stops at the first failure: the others would fail the same way, and the order is kept. */
export async function deliverAlerts(host: Host): Promise<boolean> {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined) return true;
  for (const record of readAlerts(host)) {
    if (record.wanted === undefined) continue;
    try {
      await postToPortal(host, subscription, `${subscription.alertsUrl}alerts/store`, {
        lk: subscription.systemId,
        alert_id: record.id,
        status: record.wanted,
      });
      markDelivered(host, record, record.wanted);
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
      host.log("warning", `alert ${record.id} ${record.wanted} waits to be sent: ${error.message}`);
      await setJob(host, "send-alert");
      return false;
    }
  }
  return true;
}
