/** Delivery of the alert queue: in order, each state once; what cannot be sent stays, and is tried again with the next alert or heartbeat. */
import { NethsecError } from "@nethsec/host/error";
import { holdLock } from "@nethsec/host/files/file-lock";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { postToPortal } from "../portal/portal.ts";
import { markDelivered, queueAlert, readAlerts, type AlertRecord, type AlertStatus } from "./queue.ts";

/** One delivers at a time, so that nothing is sent twice. */
const lockPath = "/var/run/ns-plug-alerts.lock";

export type Delivery = "sent" | "queued" | "unchanged" | "no_subscription";

/** Sends one state of an alert, after whatever waits. Nothing is queued without a subscription: there is nobody to tell. */
export async function sendAlert(host: Host, id: string, status: AlertStatus, again = false): Promise<Delivery> {
  if (readPlugConfig(host.uci).subscription === undefined) return "no_subscription";
  if (!queueAlert(host, id, status, again)) return (await deliverAlerts(host)) ? "unchanged" : "queued";
  return (await deliverAlerts(host)) ? "sent" : "queued";
}

/** Only keeps it, for the next heartbeat to deliver. */
export function holdAlert(host: Host, id: string, status: AlertStatus): Delivery {
  if (readPlugConfig(host.uci).subscription === undefined) return "no_subscription";
  return queueAlert(host, id, status) ? "queued" : "unchanged";
}

/** True when nothing is left to deliver. Stops at the first failure: the others would fail the same way, and the order is kept. */
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
