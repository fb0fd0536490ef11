/** Alerts by mail. */
import { createHash } from "node:crypto";
import type { Host } from "@nethsec/host/host";
import { sendMail } from "@nethsec/host/process/send-mail";
import type { AlertRecord, AlertStatus } from "./queue.ts";
import type { Receivers } from "./receivers.ts";

type Mail = NonNullable<Receivers["mail"]>;
/** An alert to be told: `since` is when the state came in, epoch milliseconds. */
export type Told = Pick<AlertRecord, "id" | "since"> & { readonly status: AlertStatus };

/** Throws `mail_failed`. */
export function mailAlert(host: Pick<Host, "run" | "system">, mail: Mail, alert: Told): Promise<void> {
  return sendMail(host, mail.to, message(host.system.hostname(), mail, alert), "ns-plug test-alert");
}

/** RFC 5322, ASCII. The same state of an alert always has the same Message-ID: what arrives twice after a cut connection is shown once. */
export function message(hostname: string, { to, from }: Mail, { id, status, since }: Told): string {
  const name = hostname.replaceAll(/[^A-Za-z0-9.-]/g, "-");
  const digest = createHash("sha256")
    .update(JSON.stringify([hostname, id, status, since]))
    .digest("hex")
    .slice(0, 32);
  const begun = new Date(since).toISOString();
  return [
    ...(from === undefined ? [] : [`From: ${from}`]),
    `To: ${to.join(", ")}`,
    `Subject: [${name}] ${status}: ${id}`,
    // RFC 5322 wants a numeric zone, which "GMT" is not.
    `Date: ${new Date(since).toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${digest}@${name}>`,
    // RFC 3834: no automatic answers, please.
    "Auto-Submitted: auto-generated",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
    "",
    status === "FAILURE"
      ? `The firewall ${name} reports a failure.`
      : `The firewall ${name} reports that a failure is over.`,
    "",
    `Alert:  ${id}`,
    `Status: ${status}`,
    `Since:  ${begun}`,
    "",
  ].join("\n");
}
