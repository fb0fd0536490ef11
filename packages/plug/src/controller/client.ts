/**
 * The controller client (`/usr/sbin/ns-plug`): registers, waits for approval, keeps the tunnel up, and registers again when the tunnel is lost.
 *
 * Invariants: nothing of an answer is saved unless it is a 200; every wait ends when the signal aborts; no wait is shorter than the
 * contract's, so that no controller can cause a fast restart loop.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { readPlugConfig, writePlugOptions, type PlugConfig } from "../config.ts";
import { setJob } from "../cron/schedule.ts";
import { failuresAfterLoss, retryDelayMs } from "./backoff.ts";
import { clientConfPath, renderClientConf, tunnelDevice } from "./client-conf.ts";
import { accountName, newPassword, removeCredentials, savePassword } from "./credentials.ts";
import { applyLogForwarding } from "./log-forwarding.ts";
import { setMetricsExporter } from "./metrics-exporter.ts";
import { register, requireUnit } from "./register.ts";
import type { Grant } from "./registration.ts";
import { apiProbe } from "./silence.ts";
import { readLastState, writeState, type ClientState } from "./state.ts";
import { runTunnel as runOpenvpn, type TunnelEnd, type TunnelOptions } from "./tunnel.ts";
import { setVpnGuard } from "./vpn-guard.ts";

const pollMs = 10_000;
const limitedMs = 30_000;
const failuresBeforeExit = 5;
const failuresPath = "/var/run/ns-plug/failures";
/** Time in which OpenVPN usually reconnects by itself to a controller that was only restarted. */
const reconnectMs = 4000;
const routeUp = "/usr/libexec/ns-plug/route-up";

/** The client's two network operations; tests and the fleet simulation replace them. */
export interface Network {
  readonly register: typeof register;
  readonly runTunnel: typeof runOpenvpn;
}

/** Runs until the signal aborts. Throws with exit code 1, 2, 3 (option missing), 4 (duplicate) or 5 (five failures in a row). */
export async function runClient(
  host: Host,
  signal: AbortSignal,
  network: Network = { register, runTunnel: runOpenvpn },
): Promise<void> {
  requireUnit(readPlugConfig(host.uci));
  if (!readPlugConfig(host.uci).controller.tlsVerify) {
    host.log(
      "warning",
      "TLS verification of the controller is off (ns-plug.config.tls_verify=0): anybody on the way can read and change what is sent",
    );
  }
  // Remove the file of a client that was killed.
  setMetricsExporter(host, undefined);
  const report = reporter(host);
  const failures = readFailures(host);
  const before = failures > 0 ? readLastState(host.files)?.reason : undefined;
  if (before !== undefined) report("failed", before);
  await host.clock.sleep(retryDelayMs(failures, host.random.fraction()), signal);
  while (!signal.aborted) {
    const { grant, config } = await registerUntilGranted(host, network, report, signal);
    await apply(host, config, grant);
    report("connecting");
    // All units of a controller lose it in the same second: spread their registrations. OpenVPN keeps trying meanwhile.
    const spreadMs = config.controller.rejoinSpreadMs * host.random.fraction();
    const options = { lostPatienceMs: reconnectMs + spreadMs, probe: apiProbe(host, grant) };
    const end = await runTunnel(host, network, options, tunnelReporter(host, report, grant), signal);
    if (signal.aborted) return;
    report("connecting", `the tunnel is lost, registering again: ${end.reason}`);
    const retryMs = end.connectedMs > 0 ? 0 : retryDelayMs(countFailure(host), host.random.fraction());
    if (end.connectedMs > 0) writeFailures(host, failuresAfterLoss);
    await host.clock.sleep(end.waited ? 0 : spreadMs + retryMs, signal);
  }
}

/** Runs the tunnel; the metrics exporter is removed when it ends. */
async function runTunnel(
  host: Host,
  network: Network,
  options: TunnelOptions,
  changed: TunnelReporter,
  signal: AbortSignal,
): Promise<TunnelEnd> {
  try {
    return await network.runTunnel(host, options, changed, signal);
  } finally {
    setMetricsExporter(host, undefined);
  }
}

type Report = (phase: ClientState["phase"], reason?: string, address?: string) => void;

/** Keeps `since` while the phase stays the same, and logs each new reason once. */
function reporter(host: Host): Report {
  let last: ClientState | undefined;
  return (phase, reason, address) => {
    const since = last?.phase === phase ? last.since : host.clock.now();
    if (reason !== undefined && reason !== last?.reason) host.log(phase === "failed" ? "err" : "info", reason);
    last = {
      pid: process.pid,
      phase,
      since,
      ...(reason === undefined ? {} : { reason }),
      ...(address === undefined ? {} : { address }),
    };
    writeState(host.files, last);
  };
}

type TunnelReporter = (up: boolean, trouble: string | undefined) => void;

/** Handles the tunnel's ups and downs. An address that is known only after the tunnel has gone down again is not reported. */
function tunnelReporter(host: Host, report: Report, { promtail }: Grant): TunnelReporter {
  let isUp = false;
  return (up, trouble) => {
    isUp = up;
    if (!up) {
      setMetricsExporter(host, undefined);
      report("connecting", trouble ?? "the tunnel is down; OpenVPN tries again");
      return;
    }
    writeFailures(host, 0);
    report("connected");
    // Only once the tunnel is up: before, rsyslog's connection would take another route and block rsyslog for two minutes.
    applyLogForwarding(host, promtail).catch((error: unknown) =>
      host.log("warning", `logs are not forwarded: ${String(error)}`),
    );
    tunnelAddress(host).then(
      (address) => {
        if (!isUp) return;
        report("connected", undefined, address);
        setMetricsExporter(host, address);
        host.log("info", `connected to the controller; this unit's address there is ${address ?? "not known"}`);
      },
      (error: unknown) => host.log("warning", `the tunnel's address is not known: ${String(error)}`),
    );
  };
}

async function tunnelAddress({ net }: Pick<Host, "net">): Promise<string | undefined> {
  const device = (await net.addresses()).find((entry) => entry.device === tunnelDevice);
  return device?.addresses.find(({ address }) => !address.includes(":"))?.address;
}

/** All polls use one password. Each reads the configuration again, since the unit may be waiting for a change of its own options. */
async function registerUntilGranted(
  host: Host,
  network: Network,
  report: Report,
  signal: AbortSignal,
): Promise<{ readonly grant: Grant; readonly config: PlugConfig }> {
  const password = newPassword(host);
  report("registering");
  let inARow = 0;
  for (;;) {
    const config = readPlugConfig(host.uci);
    const credentials = { username: accountName(host, requireUnit(config).unitId), password };
    const answer = await network.register(host, config, credentials, signal);
    switch (answer.kind) {
      case "registered":
        // The failure count is reset when the tunnel is up, not here.
        savePassword(host, credentials);
        return { grant: answer.grant, config };
      case "waiting":
        inARow = 0;
        writeFailures(host, 0);
        report("waiting", answer.text);
        await host.clock.sleep(pollMs, signal);
        break;
      case "limited":
        report("waiting", "the controller limits the rate of requests");
        await host.clock.sleep(limitedMs * (1 + host.random.fraction()), signal);
        break;
      case "duplicate":
        // procd restarts the client at once: count a failure, so that the next request is delayed.
        countFailure(host);
        removeCredentials(host);
        report("failed", "the controller knows another unit by this unit_id");
        throw new NethsecError({
          code: "duplicate_unit",
          message: `The controller ${config.controller.server ?? ""} already has another unit with unit_id ${config.controller.unitId ?? ""}.`,
          advice:
            "Remove that unit in the controller, or give this one an id of its own (uuidgen), and start ns-plug again.",
          exitCode: 4,
        });
      case "failed":
        inARow += 1;
        report("failed", answer.reason);
        await afterFailure(host, config, inARow, answer.reason, signal);
    }
  }
}

async function afterFailure(
  host: Host,
  config: PlugConfig,
  inARow: number,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const failures = countFailure(host);
  if (inARow >= failuresBeforeExit) {
    throw new NethsecError({
      code: "controller_unreachable",
      message: `Registration with ${config.controller.server ?? "the controller"} failed ${inARow} times in a row. Last: ${reason}`,
      advice:
        "procd starts ns-plug again; see `ns-plug status`. Check the line, the name and the certificate of the controller.",
      exitCode: 5,
    });
  }
  await host.clock.sleep(retryDelayMs(failures, host.random.fraction()), signal);
}

/** Applies the controller's answer to this unit's configuration. Unchanged values are not written. */
async function apply(host: Host, { controller, subscription }: PlugConfig, grant: Grant): Promise<void> {
  host.uci.change((transaction) =>
    writePlugOptions(transaction, {
      vpn_address: grant.vpnAddress,
      api_port: grant.apiPort === undefined ? undefined : String(grant.apiPort),
    }),
  );
  host.files.write(clientConfPath, renderClientConf(grant, controller, routeUp), { mode: 0o600 });
  if (setVpnGuard(host, grant) && host.services.exists("firewall")) await host.services.call("firewall", "reload");
  if (subscription !== undefined) await setJob(host, "ns-push-reports");
}

function readFailures(host: Pick<Host, "files">): number {
  const count = Number.parseInt(host.files.readText(failuresPath) ?? "0", 10);
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function writeFailures(host: Pick<Host, "files">, count: number): void {
  if (count !== readFailures(host)) host.files.write(failuresPath, `${count}\n`, { mode: 0o600 });
}

function countFailure(host: Pick<Host, "files">): number {
  const failures = readFailures(host) + 1;
  writeFailures(host, failures);
  return failures;
}
