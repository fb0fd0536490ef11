/** Showing, changing and testing the receivers of alerts, for the command line and the rpcd plugin. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { channelNames, channels } from "./channels.ts";
import { readAlerts } from "./queue.ts";
import { readReceivers } from "./receivers.ts";
import { applyReceivers } from "./set-up.ts";

export interface ReceiversView {
  /** The portal gets alerts, since there is a subscription. */
  readonly portal: boolean;
  readonly mail: readonly string[];
  /** "": the account's own. */
  readonly mail_from: string;
  /** "": none. The secret is never told. */
  readonly webhook_url: string;
  readonly troubles: readonly string[];
  /** `since`: epoch seconds. */
  readonly waiting: readonly {
    readonly channel: string;
    readonly alert: string;
    readonly status: string;
    readonly since: number;
  }[];
}

export function receiversView(host: Host): ReceiversView {
  const { mail, webhook, troubles } = readReceivers(host.uci);
  return {
    portal: readPlugConfig(host.uci).subscription !== undefined,
    mail: mail?.to ?? [],
    mail_from: mail?.from ?? "",
    webhook_url: webhook?.url ?? "",
    troubles,
    waiting: channelNames.flatMap((channel) =>
      readAlerts(host, channel).flatMap(({ id, wanted, since }) =>
        wanted === undefined ? [] : [{ channel, alert: id, status: wanted, since: Math.floor(since / 1000) }],
      ),
    ),
  };
}

/** A member that is not there stays as it is; `webhook: undefined` removes it. */
export interface ReceiversChange {
  readonly mail?: readonly string[];
  readonly mailFrom?: string;
  readonly webhook?: { readonly url: string; readonly secret: string } | undefined;
}

/** Saves and applies it. The values are valid (receivers.ts). */
export async function setReceivers(host: Host, change: ReceiversChange): Promise<void> {
  host.uci.change((transaction) => {
    const set = (option: string, value: string | readonly string[]): void => {
      if (value.length === 0) transaction.delete("ns-plug", "alerts", option);
      else transaction.set("ns-plug", "alerts", option, typeof value === "string" ? value : [...value]);
    };
    transaction.setSection("ns-plug", "alerts", "alerts");
    if (change.mail !== undefined) set("mail", change.mail);
    if (change.mailFrom !== undefined) set("mail_from", change.mailFrom);
    if ("webhook" in change) {
      set("webhook_url", change.webhook?.url ?? "");
      set("webhook_secret", change.webhook?.secret ?? "");
    }
  });
  await applyReceivers(host);
}

export interface Result {
  readonly channel: string;
  /** null: accepted. */
  readonly error: string | null;
}

/** Sends `test:alert` by mail and to the webhook, at once and without the queue. Throws `no_receivers`. */
export async function testReceivers(host: Host): Promise<readonly Result[]> {
  const open = channels(host).filter(({ name }) => name !== "portal");
  if (open.length === 0)
    throw new NethsecError({
      code: "no_receivers",
      message: "Neither mail nor a webhook is set.",
      advice: "For example: ns-plug alert-mail admin@example.org",
    });
  const alert = { id: "test:alert", status: "OK", since: host.clock.now() } as const;
  return Promise.all(
    open.map(async ({ name, send }) => {
      try {
        await send(alert);
        return { channel: name, error: null };
      } catch (error) {
        if (!(error instanceof NethsecError)) throw error;
        return { channel: name, error: error.message };
      }
    }),
  );
}
