/** Command line of the controller client: `ns-plug` (the daemon), `ns-plug status`, `ns-plug reset`. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError } from "@nethsec/host/error";
import { tryLock } from "@nethsec/host/files/file-lock";
import { formatDuration } from "@nethsec/host/units";
import { readPlugConfig } from "../config.ts";
import { runClient } from "./client.ts";
import { resetController } from "./reset.ts";
import { controllerStatus, type ControllerStatus } from "./status.ts";

const lockPath = "/var/run/ns-plug/client.lock";
/** After a restart the new client waits this long for the old one, which still has to close its connection to the controller. */
const handOverMs = 3000;

export async function runDaemon({ host, io, signal }: Call): Promise<number> {
  try {
    using _lock = await onlyClient(host, signal);
    if (io.stdoutIsTerminal)
      io.out("Runs until Ctrl-C; `ns-plug status` tells how it goes. As a service: /etc/init.d/ns-plug start\n");
    await runClient(host, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return 0;
}

/** Takes the lock of the only client: two would compete for the account and the tunnel device. */
async function onlyClient({ files, clock }: Call["host"], signal: AbortSignal): Promise<Disposable> {
  const deadline = clock.monotonic() + handOverMs;
  for (;;) {
    const lock = tryLock(files, lockPath);
    if (lock !== undefined) return lock;
    if (clock.monotonic() >= deadline) {
      throw new NethsecError({
        code: "already_running",
        message: "The controller client runs already.",
        advice: "`ns-plug status` tells how it goes; /etc/init.d/ns-plug restart starts it anew.",
        exitCode: 6,
      });
    }
    await clock.sleep(100, signal);
  }
}

/** Exit code 0 whatever the state: scripts read the JSON. */
export function runStatus({ host, json, io }: Call): number {
  const status = controllerStatus(host);
  const { server, unitId, token } = readPlugConfig(host.uci).controller;
  const options = Object.entries({ server, unit_id: unitId, token });
  const missing = options.flatMap(([name, value]) => (value === undefined ? [name] : []));
  io.out(json ? `${JSON.stringify(status)}\n` : `${describe(status, missing, host.clock.now()).join("\n")}\n`);
  return 0;
}

function describe(status: ControllerStatus, missing: readonly string[], now: number): string[] {
  if (missing.length > 0)
    return [
      "Status: unregistered",
      `Set ${missing.join(", ").replace(/, ([^,]*)$/, " and $1")} in ns-plug.config, then /etc/init.d/ns-plug restart.`,
    ];
  const since = status.since === undefined ? "" : ` for ${formatDuration(now - status.since)}`;
  const lastPush = status.push.lastSent === undefined ? "never" : `${formatDuration(now - status.push.lastSent)} ago`;
  return [
    `Status: ${status.phase}${since}`,
    `Server: ${status.server}`,
    `Unit: ${status.unitName} (${status.unitId})`,
    ...(status.address === undefined ? [] : [`Address: ${status.address}`]),
    ...(status.reason === undefined ? [] : [`Reason: ${status.reason}`]),
    `Last push: ${lastPush}${status.push.status === "error" ? " (the newest attempt failed)" : ""}`,
    ...(status.tlsVerify ? [] : ["Warning: TLS verification is off (ns-plug.config.tls_verify)"]),
    ...(status.phase === "failed" ? ["It tries again by itself; at once: /etc/init.d/ns-plug restart"] : []),
    ...(status.phase === "stopped" ? [stoppedText(status)] : []),
  ];
}

/** 5 s is procd's delay before it restarts a client that exited by itself; see the init script. */
const stoppedText = ({ reason }: ControllerStatus): string =>
  `${reason === undefined ? "The client is not running:" : "It starts again in 5 s; if not:"} /etc/init.d/ns-plug start`;

export async function runReset({ host, json, io }: Call): Promise<number> {
  await resetController(host);
  io.out(json ? `${JSON.stringify({ reset: true })}\n` : "This machine belongs to no controller any more.\n");
  return 0;
}
