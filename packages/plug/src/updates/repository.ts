/**
 * URL of the system's images and packages: UCI `ns-plug.config.repository_url`, read by the web interface's update page, `ns-download` and
 * `distfeed-setup` (test-data/contracts/portal.json: hosts, uci_after). With a subscription the URL holds the machine's credentials.
 */
import type { Host } from "@nethsec/host/host";
import type { Subscription } from "../config.ts";

const channelPath = "/etc/repo-channel";
const defaultChannel = "stable";

export const repositoryWith = ({
  plan,
  systemId,
  secret,
}: Pick<Subscription, "plan" | "systemId" | "secret">): string =>
  `https://${encodeURIComponent(systemId)}:${encodeURIComponent(secret)}@distfeed.nethesis.it/repository/${plan}/nethsecurity`;

/** URL of the public repository, for the channel named in /etc/repo-channel. */
export function publicRepository({ files }: Pick<Host, "files">): string {
  const channel = files.readText(channelPath)?.trim() ?? "";
  return `https://updates.nethsecurity.nethserver.org/${/^[A-Za-z0-9._-]+$/.test(channel) ? channel : defaultChannel}`;
}
