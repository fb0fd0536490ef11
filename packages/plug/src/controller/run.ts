/** Command line of the controller client: `ns-plug` (the daemon), `ns-plug status`, `ns-plug reset`. */
import type { Call } from "@nethsec/host/command";
import { openMetrics } from "@nethsec/host/metrics";
import { formatDuration } from "@nethsec/host/units";
import { plugMetrics } from "../metrics.ts";
import { runClient } from "./client.ts";
import { resetController } from "./reset.ts";
import { controllerStatus, type ControllerStatus } from "./status.ts";

export async function runDaemon({ host, signal }: Call): Promise<number> {
  try {
    await runClient(host, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return 0;
}

/** Exit code 0 whatever the state: scripts read the JSON. */
export function runStatus({ host, json, io }: Call): number {
  const status = controllerStatus(host);
  io.out(json ? `${JSON.stringify(status)}\n` : `${describe(status, host.clock.now()).join("\n")}\n`);
  return 0;
}

function describe(status: ControllerStatus, now: number): string[] {
  if (status.status === "unregistered")
    return [
      "Status: unregistered",
      "Set server, unit_id and token in ns-plug.config, then /etc/init.d/ns-plug restart.",
    ];
  const since = status.since === undefined ? "" : ` for ${formatDuration(now - status.since)}`;
  const lastPush = status.push.lastSent === undefined ? "never" : new Date(status.push.lastSent).toUTCString();
  return [
    `Status: ${status.phase}${since}`,
    `Server: ${status.server}`,
    `Unit: ${status.unitName} (${status.unitId})`,
    ...(status.address === undefined ? [] : [`Address: ${status.address}`]),
    ...(status.reason === undefined ? [] : [`Reason: ${status.reason}`]),
    `Last push: ${lastPush}${status.push.status === "error" ? " (the newest attempt failed)" : ""}`,
    ...(status.tlsVerify ? [] : ["Warning: TLS verification is off (ns-plug.config.tls_verify)"]),
    ...(status.phase === "stopped" ? ["The client is not running: /etc/init.d/ns-plug start"] : []),
  ];
}

export function runMetrics({ host, io }: Call): number {
  io.out(openMetrics(plugMetrics(host)));
  return 0;
}

export async function runReset({ host, json, io }: Call): Promise<number> {
  await resetController(host);
  io.out(json ? `${JSON.stringify({ reset: true })}\n` : "This machine belongs to no controller any more.\n");
  return 0;
}
