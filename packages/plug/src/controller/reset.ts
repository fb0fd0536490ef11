/** Detaches this machine from its controller: the effect of the documented list of `uci` commands, and stops the VPN. */
import type { Host } from "@nethsec/host/host";
import { writePlugOptions } from "../config.ts";
import { forgetOutcome } from "../cron/outcome.ts";
import { removeJobs } from "../cron/schedule.ts";
import { clientConfPath } from "./client-conf.ts";
import { removeCredentials } from "./credentials.ts";
import { applyLogForwarding } from "./log-forwarding.ts";
import { setMetricsExporter } from "./metrics-exporter.ts";
import { readState } from "./state.ts";
import { setVpnGuard } from "./vpn-guard.ts";

/** Longer than OpenVPN takes to notify the server and exit. */
const stopTimeoutMs = 15_000;

/** `keepUnit`: keep unit_id and token, remove the name, like the web interface's disconnect (test-data/contracts/webui.json, ns.plug unregister). */
export async function resetController(host: Host, keepUnit = false): Promise<void> {
  await stopClient(host);
  removeCredentials(host);
  host.uci.change((transaction) =>
    writePlugOptions(transaction, {
      server: undefined,
      ...(keepUnit ? { unit_name: undefined } : { unit_id: undefined, token: undefined }),
      vpn_address: undefined,
      api_port: undefined,
    }),
  );
  await applyLogForwarding(host, undefined);
  if (setVpnGuard(host, undefined) && host.services.exists("firewall")) await host.services.call("firewall", "reload");
  await removeJobs(host, ["ns-push-reports"]);
  host.files.remove(clientConfPath);
  setMetricsExporter(host, undefined);
  forgetOutcome(host.files, "push");
  for (const name of ["state.json", "failures"]) host.files.remove(`/var/run/ns-plug/${name}`);
  host.files.remove("/etc/ns-plug/reports.json");
}

/** Stops the client and waits until the tunnel is gone: the service's `stop` returns before that. */
async function stopClient({ services, clock, files }: Host): Promise<void> {
  if (!services.exists("ns-plug")) return;
  await services.call("ns-plug", "stop");
  const deadline = clock.monotonic() + stopTimeoutMs;
  while (readState(files) !== undefined && clock.monotonic() < deadline) await clock.sleep(100);
}
