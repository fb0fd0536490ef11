/** Command line of the receivers of alerts: `ns-plug alerts`, `alert-mail`, `alert-webhook`, `test-alert`, `apply-alerts`. */
import type { Call } from "@nethsec/host/command/command";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { isMailAddress } from "@nethsec/host/process/send-mail";
import { isWebhookUrl, secretMinLength } from "./receivers.ts";
import { receiversView, type Result, setReceivers, testReceivers } from "./edit-receivers.ts";
import { applyReceivers } from "./set-up.ts";

export async function runAlerts({ host, json, io }: Call): Promise<number> {
  const view = receiversView(host);
  if (json) {
    io.out(`${JSON.stringify(view)}\n`);
    return 0;
  }
  const lines = [
    `Portal: ${view.portal ? "yes, with the subscription" : "no subscription"}`,
    `Mail: ${view.mail.length === 0 ? "nobody" : view.mail.join(", ")}`,
    `Webhook: ${view.webhook_url === "" ? "none" : view.webhook_url}`,
    ...view.troubles.map((trouble) => `Not used: ${trouble}`),
    ...view.waiting.map(({ channel, alert, status }) => `Waits (${channel}): ${alert} ${status}`),
  ];
  io.out(textOfLines(lines));
  return 0;
}

const isOff = (given: readonly string[]): boolean => given.length === 1 && given[0] === "off";

export async function runAlertMail(call: Call): Promise<number> {
  const { host, options, json, io } = call;
  const given = call.rest;
  if (given.length === 0) throw new UsageError("the addresses are missing", "For example admin@example.org, or off.");
  const to = isOff(given) ? [] : given;
  for (const each of to)
    if (!isMailAddress(each)) throw new UsageError(`"${each}" is no address`, "For example admin@example.org, or off.");
  const from = options["from"];
  if (typeof from === "string" && !isMailAddress(from)) throw new UsageError(`"${from}" is no address`);
  await setReceivers(host, { mail: to, ...(typeof from === "string" ? { mailFrom: from } : {}) });
  if (json) io.out(`${JSON.stringify({ success: true, mail: to })}\n`);
  else io.out(to.length === 0 ? "No mails are sent.\n" : `Alerts go to ${to.join(", ")}. Try it: ns-plug test-alert\n`);
  return 0;
}

export async function runAlertWebhook(call: Call): Promise<number> {
  const { host, json, io } = call;
  const url = call.args["url"] ?? "";
  if (url === "off") {
    await setReceivers(host, { webhook: undefined });
    io.out(json ? `${JSON.stringify({ success: true, webhook_url: "" })}\n` : "The webhook gets no alerts.\n");
    return 0;
  }
  if (!isWebhookUrl(url))
    throw new UsageError(
      `"${url}" is no https:// URL without credentials`,
      "For example https://example.org/alerts, or off.",
    );
  const generate = call.options["generate"] === true;
  const secret = generate ? host.random.text(40) : await io.readSecret("Secret that signs the alerts: ");
  if (secret.length < secretMinLength)
    throw new NethsecError({
      code: "webhook_secret_short",
      message: `The secret has less than ${secretMinLength} characters.`,
      advice: "Type or pipe a longer one, or let it be made: --generate",
      exitCode: 2,
    });
  await setReceivers(host, { webhook: { url, secret } });
  if (json) io.out(`${JSON.stringify({ success: true, webhook_url: url, ...(generate ? { secret } : {}) })}\n`);
  else
    io.out(`Alerts go to ${url}.${generate ? ` The secret, shown once: ${secret}` : ""}\nTry it: ns-plug test-alert\n`);
  return 0;
}

export async function runTestAlert({ host, json, io }: Call): Promise<number> {
  const results = await testReceivers(host);
  if (json) io.out(`${JSON.stringify({ success: good(results), results })}\n`);
  else io.out(textOfLines(results.map(({ channel, error }) => `${channel}: ${error ?? "accepted"}`)));
  return good(results) ? 0 : 1;
}

const good = (results: readonly Result[]): boolean => results.every(({ error }) => error === null);

export async function runApplyAlerts({ host }: Call): Promise<number> {
  await applyReceivers(host);
  return 0;
}
