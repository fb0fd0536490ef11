/** Whether this machine is the standby node of a pair. */
import type { Host } from "@nethsec/host/host";
import { isSuspended } from "@nethsec/host/local/crontab";

/** True on the standby node of a pair, whose cron lines ns-ha has suspended: its alerts wait until it becomes active. */
export const isStandby = ({ cron }: Pick<Host, "cron">): boolean =>
  ["send-heartbeat", "send-alert"].some((word) => isSuspended(cron.text(), word));
