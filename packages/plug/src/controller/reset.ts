/** Makes this machine belong to no controller: what the documented list of `uci` commands does, in one step, and the VPN ended. */
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

/** More than OpenVPN takes to say goodbye. */
const stopTimeoutMs = 15_000;

/** `keepUnit`: unit_id and token stay and the name goes, as when the web interface disconnects (test-data/contracts/webui.json, ns.plug unregister). */
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

/** Waits for the tunnel's end: a stop comes back before it is done. */
async function stopClient({ services, clock, files }: Host): Promise<void> {
  if (!services.exists("ns-plug")) return;
  await services.call("ns-plug", "stop");
  const deadline = clock.monotonic() + stopTimeoutMs;
  while (readState(files) !== undefined && clock.monotonic() < deadline) await clock.sleep(100);
}
