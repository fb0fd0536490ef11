/**
 * What follows from the receivers: netdata calls `send-alert` when somebody gets alerts, and a cron line retries what waits. `ns-plug apply-alerts` does
 * it when the service starts and after each change of /etc/config/ns-plug; doing it again changes nothing.
 */
import type { Host } from "@nethsec/host/host";
import { removeJobs, setJob } from "../cron/schedule.ts";
import { hasChannel } from "./channels.ts";
import { disableAlerts, enableAlerts, isNetdataReplaced } from "./netdata.ts";
import { readReceivers } from "./receivers.ts";

export async function applyReceivers(host: Host): Promise<void> {
  const { mail, webhook, troubles } = readReceivers(host.uci);
  for (const trouble of troubles) host.log("warning", `${trouble}: it gets no alerts`);
  const others = mail !== undefined || webhook !== undefined;
  // With a subscription alone netdata was set up at registration: what the administrator made of it since stays.
  if (others && !isNetdataReplaced(host)) await enableAlerts(host);
  if (!hasChannel(host)) await disableAlerts(host);
  if (others) await setJob(host, "send-alert");
  else await removeJobs(host, ["send-alert"]);
}
