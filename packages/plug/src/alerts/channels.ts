/** The ways an alert leaves this machine: to the portal with a subscription, by mail and to a webhook with or without one. */
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { postToPortal } from "../portal/portal.ts";
import { mailAlert, type Told } from "./mail.ts";
import type { ChannelName } from "./queue.ts";
import { readReceivers } from "./receivers.ts";
import { postToWebhook } from "./webhook.ts";

export interface Channel {
  readonly name: ChannelName;
  /** Throws NethsecError. */
  readonly send: (alert: Told) => Promise<void>;
}

export const channelNames: readonly ChannelName[] = ["portal", "mail", "webhook"];

/** Those that are configured; none: nobody gets alerts, and nothing is queued. */
export function channels(host: Host): readonly Channel[] {
  const { subscription } = readPlugConfig(host.uci);
  const { mail, webhook } = readReceivers(host.uci);
  return [
    ...(subscription === undefined
      ? []
      : [
          {
            name: "portal" as const,
            send: async ({ id, status }: Told) => {
              const body = { lk: subscription.systemId, alert_id: id, status };
              await postToPortal(host, subscription, `${subscription.alertsUrl}alerts/store`, body);
            },
          },
        ]),
    ...(mail === undefined ? [] : [{ name: "mail" as const, send: (alert: Told) => mailAlert(host, mail, alert) }]),
    ...(webhook === undefined
      ? []
      : [{ name: "webhook" as const, send: (alert: Told) => postToWebhook(host, webhook, alert) }]),
  ];
}

/** True when somebody gets alerts. Reads the configuration only. */
export function hasChannel({ uci }: Pick<Host, "uci">): boolean {
  const { mail, webhook } = readReceivers(uci);
  return readPlugConfig(uci).subscription !== undefined || mail !== undefined || webhook !== undefined;
}
