/**
 * Sends netdata's alarms to the portal (contract ns-plug 4; netdata's health_alarm_notify.conf(5)): netdata's custom sender calls our `send-alert`.
 * netdata's notification script sources the file and provides the alarm in shell variables, which are passed on as quoted arguments.
 */
import type { Host } from "@nethsec/host/host";
import { type Delivery, holdAlert, sendAlert } from "./deliver.ts";
import { isStandby } from "./standby.ts";
import type { AlertStatus } from "./queue.ts";

export const notifyConfPath = "/etc/netdata/health_alarm_notify.conf";
/** What was there before ours. */
const keptPath = `${notifyConfPath}.before-ns-plug`;
const marker = "# Written by ns-plug: alarms go to the subscription portal.";

const notifyConf = (enabled: boolean): string => `${marker}
SEND_EMAIL="NO"
SEND_SYSLOG="${enabled ? "YES" : "NO"}"
SYSLOG_FACILITY="daemon"
DEFAULT_RECIPIENT_SYSLOG="netdata"
role_recipients_syslog[sysadmin]="netdata"
SEND_CUSTOM="${enabled ? "YES" : "NO"}"
DEFAULT_RECIPIENT_CUSTOM="portal"
role_recipients_custom[sysadmin]="portal"
# Also after a restart of netdata, which has forgotten what it raised before.
clear_alarm_always="YES"

custom_sender() {
	/usr/sbin/send-alert --netdata "\${chart}" "\${status}" && sent_custom="YES"
}
`;

/** netdata chart → alert of the portal. Alarms of other charts are not sent. */
const alertsByChart: ReadonlyMap<string, string> = new Map([
  ["disk_space._", "df:root:percent_bytes:free"],
  ["disk_space./", "df:root:percent_bytes:free"],
  ["disk_space._overlay", "df:root:percent_bytes:free"],
  ["disk_space./overlay", "df:root:percent_bytes:free"],
  ["disk_space._boot", "df:boot:percent_bytes:free"],
  ["disk_space./boot", "df:boot:percent_bytes:free"],
]);

const statuses: ReadonlyMap<string, AlertStatus> = new Map([
  ["CRITICAL", "FAILURE"],
  ["CLEAR", "OK"],
]);

/** The portal's alert for an alarm; undefined when the portal has none for it. */
export function alertOfNetdata(
  chart: string,
  status: string,
): { readonly id: string; readonly status: AlertStatus } | undefined {
  const [id, mapped] = [alertsByChart.get(chart), statuses.get(status)];
  return id === undefined || mapped === undefined ? undefined : { id, status: mapped };
}

/**
 * Returns undefined for an alarm that the portal has no alert for. netdata runs on both nodes of a pair: alerts of the standby node (ns-ha has
 * suspended its cron lines) stay queued until that node becomes active.
 */
export async function sendNetdataAlert(host: Host, chart: string, status: string): Promise<Delivery | undefined> {
  const alert = alertOfNetdata(chart, status);
  if (alert === undefined) return undefined;
  const send = isStandby(host) ? holdAlert : sendAlert;
  return send(host, alert.id, alert.status);
}

type Needs = Pick<Host, "files" | "services">;

/** Makes netdata send its alarms; called when the machine gets a subscription or another receiver of alerts. */
export const enableAlerts = (host: Needs): Promise<void> => write(host, true);

/** Undoes `enableAlerts` when nobody gets alerts any more. A configuration file that is not ours is left alone. */
export async function disableAlerts(host: Needs): Promise<void> {
  if (host.files.readText(notifyConfPath)?.startsWith(marker) === true) await write(host, false);
}

/** True when our file was in place once and the administrator has put another one there since. */
export function isNetdataReplaced({ files }: Pick<Host, "files">): boolean {
  const now = files.readText(notifyConfPath);
  return now !== undefined && !now.startsWith(marker) && files.exists(keptPath);
}

async function write(host: Needs, enabled: boolean): Promise<void> {
  const text = notifyConf(enabled);
  const before = host.files.readText(notifyConfPath);
  if (before === text) return;
  if (before !== undefined && !before.startsWith(marker)) host.files.write(keptPath, before, { mode: 0o644 });
  host.files.write(notifyConfPath, text, { mode: 0o644 });
  if (host.services.exists("netdata") && (await host.services.running("netdata")))
    await host.services.call("netdata", "restart");
}
