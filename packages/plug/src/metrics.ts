/** Metrics of `ns-plug metrics`: controller, jobs of the subscription, undelivered alerts. */
import type { Call } from "@nethsec/host/command/command";
import type { Host } from "@nethsec/host/host";
import { type Metric, openMetrics } from "@nethsec/host/metrics";
import { channelNames } from "./alerts/channels.ts";
import { readReceivers } from "./alerts/receivers.ts";
import { readAlerts } from "./alerts/queue.ts";
import { isEncrypting } from "./backup/passphrase.ts";
import { readPlugConfig } from "./config.ts";
import { controllerStatus, type ControllerStatus } from "./controller/status.ts";
import { readOutcome, type Outcome } from "./cron/outcome.ts";
import { refusedRows } from "./reports/refusals.ts";
import { inventoryStatus } from "./subscription/inventory.ts";

const phases = ["unregistered", "stopped", "registering", "waiting", "connecting", "connected", "failed"] as const;

const gauge = (name: string, help: string, samples: Metric["samples"], unit?: string): Metric => ({
  name: `nethsec_plug_${name}`,
  help,
  type: "gauge",
  ...(unit === undefined ? {} : { unit }),
  samples,
});
const flag = (value: boolean): number => (value ? 1 : 0);

/** Reads files only; works without a controller and without a subscription. */
export function plugMetrics(host: Pick<Host, "files" | "uci" | "system">): Metric[] {
  const { subscription } = readPlugConfig(host.uci);
  const { mail, webhook } = readReceivers(host.uci);
  const used = { mail: mail !== undefined, webhook: webhook !== undefined };
  const status = controllerStatus(host);
  return [
    ...controllerMetrics(status),
    gauge(
      "subscription",
      "1 when this machine has a subscription.",
      (["community", "enterprise"] as const).map((plan) => ({
        labels: { plan },
        value: flag(subscription?.plan === plan),
      })),
    ),
    ...jobMetrics([
      ["push", readOutcome(host.files, "push")],
      ["heartbeat", readOutcome(host.files, "heartbeat")],
      ["inventory", inventoryOutcome(host)],
      ["backup", readOutcome(host.files, "backup")],
    ]),
    {
      name: "nethsec_plug_report_rows_refused",
      help: "Rows of reports that the controller will never take, set aside.",
      type: "counter",
      samples: Object.entries(refusedRows(host)).map(([dump, value]) => ({ labels: { dump }, value })),
    },
    gauge(
      "alerts_waiting",
      "Alerts that could not be delivered yet.",
      channelNames
        .filter((channel) => channel === "portal" || used[channel])
        .map((channel) => ({
          // The portal's sample keeps the form that it had before there were other channels.
          ...(channel === "portal" ? {} : { labels: { channel } }),
          value: readAlerts(host, channel).filter(({ wanted }) => wanted !== undefined).length,
        })),
    ),
    ...(subscription === undefined
      ? []
      : [gauge("backup_encrypted", "1 when backups are encrypted.", [{ value: flag(isEncrypting(host)) }])]),
  ];
}

function controllerMetrics({ status, phase, since, tlsVerify }: ControllerStatus): Metric[] {
  const current = status === "unregistered" ? "unregistered" : phase;
  return [
    gauge(
      "controller_phase",
      "What the controller client is doing: 1 for the current phase.",
      phases.map((name) => ({ labels: { phase: name }, value: flag(name === current) })),
    ),
    gauge("controller_connected", "1 when the tunnel to the controller is up.", [
      { value: flag(current === "connected") },
    ]),
    ...(since === undefined
      ? []
      : [
          gauge(
            "controller_phase_timestamp_seconds",
            "When the current phase began, Unix time.",
            [{ value: Math.floor(since / 1000) }],
            "seconds",
          ),
        ]),
    gauge("controller_tls_verify", "0 when the controller's certificate is not verified.", [
      { value: flag(tlsVerify) },
    ]),
  ];
}

type Job = readonly [name: string, outcome: Pick<Outcome, "status" | "lastGood"> | undefined];

/** A job that has not run since the last boot has no samples. */
function jobMetrics(jobs: readonly Job[]): Metric[] {
  return [
    gauge(
      "job_ok",
      "1 when the last run of a job went well.",
      jobs.flatMap(([job, outcome]) =>
        outcome === undefined ? [] : [{ labels: { job }, value: flag(outcome.status === "success") }],
      ),
    ),
    gauge(
      "job_success_timestamp_seconds",
      "When a job last went well, Unix time.",
      jobs.flatMap(([job, outcome]) =>
        outcome?.lastGood === undefined ? [] : [{ labels: { job }, value: Math.floor(outcome.lastGood / 1000) }],
      ),
      "seconds",
    ),
  ];
}

function inventoryOutcome(host: Pick<Host, "files">): Pick<Outcome, "status" | "lastGood"> | undefined {
  const sent = inventoryStatus(host);
  if (sent === undefined) return undefined;
  const at = Date.parse(sent.last_attempt);
  return sent.status === "success" && Number.isFinite(at)
    ? { status: "success", lastGood: at }
    : { status: sent.status };
}

/** `ns-plug metrics`: prints the metrics in the OpenMetrics text format. */
export function run({ host, io }: Call): number {
  io.out(openMetrics(plugMetrics(host)));
  return 0;
}
