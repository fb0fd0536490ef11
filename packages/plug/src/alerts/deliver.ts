/**
 * Delivers the queues of alerts in order, each state once on each channel. What cannot be sent stays queued and is retried with the next alert, the
 * next heartbeat, and every five minutes where there are other receivers than the portal (alerts/set-up.ts).
 */
import { NethsecError } from "@nethsec/host/error";
import { holdLock } from "@nethsec/host/files/file-lock";
import type { Host } from "@nethsec/host/host";
import { type Channel, channelNames, channels } from "./channels.ts";
import { type AlertRecord, type AlertStatus, clearAlerts, markDelivered, queueAlert, readAlerts } from "./queue.ts";

/** Held during delivery, so that two processes do not send the same alert. One each: a mail server that hangs holds up no other channel. */
const lockPath = (channel: Channel): string =>
  `/var/run/ns-plug-alerts${channel.name === "portal" ? "" : `-${channel.name}`}.lock`;

/** "no_subscription": nobody gets alerts, neither the portal nor another receiver. */
export type Delivery = "sent" | "queued" | "unchanged" | "no_subscription";

export interface SendOptions {
  /** Also when the receiver was told the same before. */
  readonly again?: boolean;
  /** By mail and to the webhook only: for names that the portal may not know. */
  readonly exceptPortal?: boolean;
}

/** Sends one state of an alert, after those already queued. When nobody gets alerts, nothing is queued. */
export async function sendAlert(
  host: Host,
  id: string,
  status: AlertStatus,
  { again = false, exceptPortal = false }: SendOptions = {},
): Promise<Delivery> {
  const open = channels(host).filter(({ name }) => !exceptPortal || name !== "portal");
  if (open.length === 0) return "no_subscription";
  const queued = open.map(({ name }) => queueAlert(host, id, status, again, name));
  if (!(await deliverAlerts(host))) return "queued";
  return queued.includes(true) ? "sent" : "unchanged";
}

/** Queues a state without sending it; the next heartbeat delivers it. */
export function holdAlert(host: Host, id: string, status: AlertStatus): Delivery {
  const open = channels(host);
  if (open.length === 0) return "no_subscription";
  return open.map(({ name }) => queueAlert(host, id, status, false, name)).includes(true) ? "queued" : "unchanged";
}

/** Returns true when every queue is empty. */
export async function deliverAlerts(host: Host): Promise<boolean> {
  const open = channels(host);
  // A receiver that was removed must not get what waited for it when it is set again.
  for (const name of channelNames)
    if (name !== "portal" && !open.some((channel) => channel.name === name)) clearAlerts(host, name);
  return (await Promise.all(open.map((channel) => deliverOn(host, channel)))).every(Boolean);
}

/** Stops at the first failure: the others would fail the same way, and stopping keeps the order. */
async function deliverOn(host: Host, channel: Channel): Promise<boolean> {
  const by = { portal: "", mail: " by mail", webhook: " to the webhook" }[channel.name];
  let waiting: AlertRecord | undefined;
  try {
    using _lock = holdLock(host.files, lockPath(channel));
    for (;;) {
      waiting = readAlerts(host, channel.name).find(({ wanted }) => wanted !== undefined);
      if (waiting?.wanted === undefined) return true;
      const { id, wanted, since } = waiting;
      await channel.send({ id, status: wanted, since });
      markDelivered(host, waiting, wanted, channel.name);
      host.log("info", `alert ${id} ${wanted} was sent${by}`);
    }
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    const what = waiting === undefined ? "alerts wait" : `alert ${waiting.id} waits`;
    host.log("warning", `${what} to be sent${by}: ${error.message}`);
    return false;
  }
}
