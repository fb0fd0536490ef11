/** Command line of the controller's reports: `ns-controller-push-info` and `ns-push-reports`. */
import type { Call } from "@nethsec/host/command/command";
import { holdLock } from "@nethsec/host/files/file-lock";
import { version } from "@nethsec/host/version";
import { readPlugConfig } from "../config.ts";
import { requireUnit } from "../controller/register.ts";
import { recordOutcome } from "../cron/outcome.ts";
import { spread } from "../cron/spread.ts";
import { ingest } from "./ingest.ts";
import { pushReports } from "./push.ts";

/** OpenVPN runs it when the tunnel is up. */
export async function runPushInfo({ host, json, io }: Call): Promise<number> {
  const config = readPlugConfig(host.uci);
  requireUnit(config);
  const release = host.system.osRelease();
  const port = host.uci.read("dropbear").ofType("dropbear")[0]?.int("Port", 22) ?? 22;
  const info = {
    unit_name: config.controller.unitName ?? host.system.hostname(),
    version: release["PRETTY_NAME"] ?? release["VERSION_ID"] ?? "",
    subscription_type: config.subscription?.plan ?? "",
    system_id: config.subscription?.systemId ?? "",
    ssh_port: port,
    fqdn: host.system.hostname(),
    api_version: version,
    description: config.controller.description ?? "",
  };
  await ingest(host, config.controller, "info", info);
  if (json) io.out(`${JSON.stringify(info)}\n`);
  return 0;
}

export async function runPushReports(call: Call): Promise<number> {
  const { host, signal } = call;
  requireUnit(readPlugConfig(host.uci));
  await spread(call);
  // Two at once would tell the same twice.
  using _lock = holdLock(host.files, "/var/run/ns-push-reports.lock");
  await recordOutcome(host, "push", () => pushReports(host, signal));
  return 0;
}
