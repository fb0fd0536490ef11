/**
 * Who gets the alerts besides the portal: UCI section `ns-plug.alerts` ↔ typed value. A subscription is not needed. Addresses and URLs that cannot be
 * used are left out and named in `troubles`, so that one typing error does not silence the rest.
 */
import { isMailAddress } from "@nethsec/host/process/send-mail";
import type { UciStore } from "@nethsec/host/uci-store";

export interface Receivers {
  /** undefined: no mail. */
  readonly mail: { readonly to: readonly string[]; readonly from: string | undefined } | undefined;
  /** undefined: no webhook. */
  readonly webhook: { readonly url: string; readonly secret: string } | undefined;
  /** Sentences about options that cannot be used. */
  readonly troubles: readonly string[];
}

/** HTTPS only: the signature proves who sent an alert, and does not hide it. */
export const isWebhookUrl = (text: string): boolean =>
  /^https:\/\/[^\s/@]/.test(text) && URL.canParse(text) && new URL(text).username === "";

export const secretMinLength = 16;

export function readReceivers(uci: Pick<UciStore, "read">): Receivers {
  const section = uci.read("ns-plug").section("alerts");
  const text = (option: string): string => section?.get(option) ?? "";
  const addresses = section?.list("mail") ?? [];
  const [from, url, secret] = [text("mail_from"), text("webhook_url"), text("webhook_secret")];
  const to = addresses.filter(isMailAddress);
  const usable = isWebhookUrl(url) && secret.length >= secretMinLength;
  return {
    mail: to.length === 0 ? undefined : { to, from: isMailAddress(from) ? from : undefined },
    webhook: usable ? { url, secret } : undefined,
    troubles: [
      ...addresses.filter((each) => !isMailAddress(each)).map((each) => `ns-plug.alerts.mail: "${each}" is no address`),
      ...(from === "" || isMailAddress(from) ? [] : [`ns-plug.alerts.mail_from: "${from}" is no address`]),
      ...(url === "" || isWebhookUrl(url)
        ? []
        : [`ns-plug.alerts.webhook_url: it is no https:// URL without credentials`]),
      ...(isWebhookUrl(url) && secret.length < secretMinLength
        ? [`ns-plug.alerts.webhook_secret: it has less than ${secretMinLength} characters`]
        : []),
    ],
  };
}
