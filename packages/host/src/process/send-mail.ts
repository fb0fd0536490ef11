/**
 * Mail through msmtp and the account in its system-wide configuration (/etc/msmtprc on OpenWrt), which NethSecurity synchronises in a pair.
 * Facts of msmtp(1): a mail on standard input, recipients as arguments; exit status of sysexits.h; without a From header it adds one with the
 * account's `from`; errors on standard error, without the password.
 */
import { NethsecError } from "../error.ts";
import type { Host } from "../host.ts";
import { RunError } from "./run-error.ts";

/** msmtp's own limits are longer. */
const timeoutMs = 60_000;

/** Plain addresses only: they stand on msmtp's command line, after `--`, and in headers. */
export const isMailAddress = (text: string): boolean =>
  text.length <= 254 && /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);

/** `message`: RFC 5322. `afterwards`: the command to try again with, for the advice. Throws `mail_failed`. */
export async function sendMail(
  host: Pick<Host, "run">,
  to: readonly string[],
  message: string,
  afterwards: string,
): Promise<void> {
  try {
    await host.run(["msmtp", "--", ...to], { stdin: message, timeoutMs });
  } catch (cause) {
    if (!(cause instanceof RunError)) throw cause;
    const missing = cause.code === "program_not_found";
    const said = cause.result?.stderr.trim().replaceAll("\n", " ") ?? "";
    throw new NethsecError({
      code: "mail_failed",
      message: `The mail was not sent: ${missing ? "msmtp is not installed." : said === "" ? cause.message : said}`,
      advice: missing ? "Install the package msmtp." : `Check the account in /etc/msmtprc, then: ${afterwards}`,
      cause,
    });
  }
}
