/** Command line of the alerts: `send-alert` and the mwan3 hook `send-mwan-alert`. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import { withoutSubscription } from "../portal/required-subscription.ts";
import { serveAlerts } from "./alert-proxy.ts";
import { channelNames } from "./channels.ts";
import { deliverAlerts, sendAlert } from "./deliver.ts";
import { spread } from "../cron/spread.ts";
import { isStandby } from "./standby.ts";
import { sendMwanAlert } from "./mwan.ts";
import { sendNetdataAlert } from "./netdata.ts";
import { forgetDelivered, isAlertId } from "./queue.ts";

/** Exit code 0: delivered, or nothing to deliver; 1: still queued, will be retried. */
export async function runSendAlert(call: Call): Promise<number> {
  const { host, options, args, json, io } = call;
  if (options["forget"] === true) {
    for (const name of channelNames) forgetDelivered(host, name);
    return 0;
  }
  if (options["deliver"] === true) {
    await spread(call);
    return isStandby(host) || (await deliverAlerts(host)) ? 0 : 1;
  }
  const { alert_id: first = "", status: second = "" } = args;
  if (first === "" || second === "")
    throw new UsageError("the arguments <alert_id> and <status> are missing", "For example wan:wanb:down FAILURE.");
  if (options["netdata"] === true) return (await sendNetdataAlert(host, first, second)) === "queued" ? 1 : 0;
  const alert = checked(first, second);
  const delivery = await sendAlert(host, alert.id, alert.status, {
    again: options["again"] === true,
    exceptPortal: options["except-portal"] === true,
  });
  if (delivery === "no_subscription" && !json) return withoutSubscription(call);
  if (json) io.out(`${JSON.stringify({ ...alert, delivery })}\n`);
  else if (delivery === "queued")
    io.err(`It cannot be sent to every receiver now: ${alert.id} ${alert.status} is sent later.\n`);
  return delivery === "queued" ? 1 : 0;
}

function checked(id: string, status: string): { id: string; status: "FAILURE" | "OK" } {
  if (!isAlertId(id)) throw new UsageError(`"${id}" is no name of an alert`, "For example wan:wanb:down.");
  if (status !== "FAILURE" && status !== "OK") throw new UsageError(`"${status}" is no status`, "It is FAILURE or OK.");
  return { id, status };
}

/** mwan3 passes the event to its hooks in environment variables. */
export async function runSendMwanAlert({ host, io, signal }: Call): Promise<number> {
  await sendMwanAlert(
    host,
    { action: io.env["ACTION"] ?? "", interface: io.env["INTERFACE"] ?? "", device: io.env["DEVICE"] ?? "" },
    signal,
  );
  return 0;
}

/** TCP port that vmalert's init script configures as its notifier. */
const alertProxyPort = 9095;

export async function runAlertProxy({ host, io, signal }: Call): Promise<number> {
  const server = await serveAlerts(host, alertProxyPort);
  if (io.stdoutIsTerminal) io.out(`Takes the alerts of vmalert at ${server.url} until Ctrl-C.\n`);
  try {
    await host.clock.sleep(Infinity, signal).catch(() => undefined);
  } finally {
    await server.stop();
  }
  return 0;
}
