/** Delivers the alert queue in order, each state once. Alerts that cannot be sent stay queued and are retried with the next alert or heartbeat. */
import { NethsecError } from "@nethsec/host/error";
import { holdLock } from "@nethsec/host/files/file-lock";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { postToPortal } from "../portal/portal.ts";
import { markDelivered, queueAlert, readAlerts, type AlertRecord, type AlertStatus } from "./queue.ts";

/** Held during delivery, so that two processes do not send the same alert. */
const lockPath = "/var/run/ns-plug-alerts.lock";

export type Delivery = "sent" | "queued" | "unchanged" | "no_subscription";

/** Sends one state of an alert, after those already queued. Without a subscription there is no portal, and nothing is queued. */
export async function sendAlert(host: Host, id: string, status: AlertStatus, again = false): Promise<Delivery> {
  if (readPlugConfig(host.uci).subscription === undefined) return "no_subscription";
  if (!queueAlert(host, id, status, again)) return (await deliverAlerts(host)) ? "unchanged" : "queued";
  return (await deliverAlerts(host)) ? "sent" : "queued";
}

/** Queues a state without sending it; the next heartbeat delivers it. */
export function holdAlert(host: Host, id: string, status: AlertStatus): Delivery {
  if (readPlugConfig(host.uci).subscription === undefined) return "no_subscription";
  return queueAlert(host, id, status) ? "queued" : "unchanged";
}

/** Returns true when the queue is empty. Stops at the first failure: the others would fail the same way, and stopping keeps the order. */
export async function deliverAlerts(host: Host): Promise<boolean> {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined) return true;
  let waiting: AlertRecord | undefined;
  try {
    using _lock = holdLock(host.files, lockPath);
    for (;;) {
      waiting = readAlerts(host).find(({ wanted }) => wanted !== undefined);
      if (waiting?.wanted === undefined) return true;
      await postToPortal(host, subscription, `${subscription.alertsUrl}alerts/store`, {
        lk: subscription.systemId,
        alert_id: waiting.id,
        status: waiting.wanted,
      });
      markDelivered(host, waiting, waiting.wanted);
      host.log("info", `alert ${waiting.id} ${waiting.wanted} was sent`);
    }
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    host.log(
      "warning",
      `${waiting === undefined ? "alerts wait" : `alert ${waiting.id} waits`} to be sent: ${error.message}`,
    );
    return false;
  }
}
