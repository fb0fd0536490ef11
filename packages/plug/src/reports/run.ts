/** Command line of the controller's reports: `ns-controller-push-info` and `ns-push-reports`. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import { holdLock } from "@nethsec/host/files/file-lock";
import { readPlugConfig } from "../config.ts";
import { requireUnit } from "../controller/register.ts";
import { recordOutcome } from "../cron/outcome.ts";
import { spread } from "../cron/spread.ts";
import { ingest, shortLimits } from "./ingest.ts";
import { pushReports } from "./push.ts";
import { unitInfo } from "./unit-info.ts";

/** Run by OpenVPN when the tunnel is up and by NethSecurity's scripts after a change of the update schedule; a failed send must not fail these. */
export async function runPushInfo({ host, json, io }: Call): Promise<number> {
  const config = readPlugConfig(host.uci);
  requireUnit(config);
  const info = await unitInfo(host);
  try {
    await ingest(host, config.controller, "info", info, shortLimits);
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    host.log("warning", `the facts of this unit could not be sent: ${error.message}`);
  }
  if (json) io.out(`${JSON.stringify(info)}\n`);
  return 0;
}

export async function runPushReports(call: Call): Promise<number> {
  const { host, signal } = call;
  requireUnit(readPlugConfig(host.uci));
  await spread(call);
  // Two runs at once would send the same events twice.
  using _lock = holdLock(host.files, "/var/run/ns-push-reports.lock");
  await recordOutcome(host, "push", () => pushReports(host, signal));
  return 0;
}
