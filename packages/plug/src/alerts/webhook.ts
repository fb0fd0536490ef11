/**
 * Alerts to a web server of the administrator's: a POST with a JSON body, signed with a shared secret. The receiver computes HMAC-SHA256 over
 * `<X-Nethsec-Timestamp>.<body>` and compares it with X-Nethsec-Signature; the time stamp lets it refuse what is old.
 */
import { createHash, createHmac } from "node:crypto";
import { httpRequest, type HttpHost } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import type { Told } from "./mail.ts";
import type { Receivers } from "./receivers.ts";

type Webhook = NonNullable<Receivers["webhook"]>;
type Needs = HttpHost & Pick<Host, "system" | "uci" | "clock">;

const timeoutMs = 30_000;

/** Any status from 200 to 299 counts as delivered. Throws HttpError; redirects are errors. */
export async function postToWebhook(host: Needs, { url, secret }: Webhook, alert: Told): Promise<void> {
  const body = JSON.stringify(document(host, alert));
  const timestamp = String(Math.floor(host.clock.now() / 1000));
  await httpRequest(
    {
      url,
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Nethsec-Timestamp": timestamp,
        "X-Nethsec-Signature": signature(secret, timestamp, body),
      },
      body,
      timeoutMs,
      maxRedirects: 0,
      maxBytes: 64 * 1024,
      secrets: [secret],
    },
    host,
  );
}

/** "sha256=" and hexadecimal digits. Pure. */
export const signature = (secret: string, timestamp: string, body: string): string =>
  `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;

/** `delivery` is the same each time a state is sent again after a failure. */
function document({ system, uci }: Pick<Needs, "system" | "uci">, { id, status, since }: Told): object {
  const { controller, subscription } = readPlugConfig(uci);
  const firewall = system.hostname();
  return {
    version: 1,
    delivery: createHash("sha256")
      .update(JSON.stringify([firewall, id, status, since]))
      .digest("hex")
      .slice(0, 32),
    firewall,
    unit_id: controller.unitId ?? null,
    system_id: subscription?.systemId ?? null,
    alert: id,
    status,
    since: Math.floor(since / 1000),
  };
}
