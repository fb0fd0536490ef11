/**
 * Alerts by mail, through msmtp and the account in its system-wide configuration (/etc/msmtprc on OpenWrt), which NethSecurity synchronises in a pair.
 * Facts of msmtp(1): a mail on standard input, recipients as arguments; exit status of sysexits.h; without a From header it adds one with the
 * account's `from`; errors on standard error, without the password.
 */
import { createHash } from "node:crypto";
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import type { AlertRecord, AlertStatus } from "./queue.ts";
import type { Receivers } from "./receivers.ts";

type Mail = NonNullable<Receivers["mail"]>;
/** An alert to be told: `since` is when the state came in, epoch milliseconds. */
export type Told = Pick<AlertRecord, "id" | "since"> & { readonly status: AlertStatus };

/** msmtp's own limits are longer; mail is tried again anyway. */
const timeoutMs = 60_000;

/** Throws `mail_failed`. */
export async function mailAlert(host: Pick<Host, "run" | "system">, mail: Mail, alert: Told): Promise<void> {
  try {
    await host.run(["msmtp", "--", ...mail.to], { stdin: message(host.system.hostname(), mail, alert), timeoutMs });
  } catch (cause) {
    if (!(cause instanceof RunError)) throw cause;
    const missing = cause.code === "program_not_found";
    const said = cause.result?.stderr.trim().replaceAll("\n", " ") ?? "";
    throw new NethsecError({
      code: "mail_failed",
      message: `The mail was not sent: ${missing ? "msmtp is not installed." : said === "" ? cause.message : said}`,
      advice: missing ? "Install the package msmtp." : "Check the account in /etc/msmtprc, then: ns-plug test-alert",
      cause,
    });
  }
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
