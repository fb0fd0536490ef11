/** Command line of the subscription: `register`, `unregister`, `send-heartbeat`, `send-inventory`, `inventory`, `subscription-info`. */
import type { Call } from "@nethsec/host/command/command";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { HttpError } from "@nethsec/host/http/http";
import { deliverAlerts } from "../alerts/deliver.ts";
import { readPlugConfig } from "../config.ts";
import { adoptSubscription } from "./adopt.ts";
import { sendHeartbeat } from "./heartbeat.ts";
import { collectInventory, sendInventory } from "./inventory.ts";
import { requestInfo } from "../portal/portal.ts";
import { withoutSubscription } from "../portal/required-subscription.ts";
import { registerMachine, unregisterMachine, type Unregistered } from "./register.ts";
import { spread } from "../cron/spread.ts";

/** Time limits of the released commands (test-data/contracts/portal.json: machine_info, systems_info). */
const registerTimeoutMs = 180_000;
const infoTimeoutMs = 20_000;

/** Parses a time limit in seconds from the command line; returns milliseconds. */
function timeoutOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600))
    throw new UsageError(`"${text}" is no time limit in seconds`, "For example 30.");
  return seconds * 1000;
}

export async function runRegister(call: Call): Promise<number> {
  const { type = "", secret = "", timeout } = call.args;
  const subscription = await registerMachine(call.host, type, secret, {
    timeoutMs: timeoutOf(timeout) ?? registerTimeoutMs,
    retries: 3,
    signal: call.signal,
  });
  call.io.out(
    call.json
      ? `${JSON.stringify({ system_id: subscription.systemId, type: subscription.plan })}\n`
      : `Registered as ${subscription.systemId} (${subscription.plan}).\n`,
  );
  return 0;
}

const unregisteredText: Readonly<Record<Unregistered, string>> = {
  unregistered: "Unregistered.",
  portal_not_told: "Unregistered here; the portal could not be told that the key is free.",
  not_registered: "This machine is not registered: nothing to do.",
};

export async function runUnregister(call: Call): Promise<number> {
  const done = await unregisterMachine(call.host);
  if (call.json) call.io.out(`${JSON.stringify({ unregistered: done !== "not_registered" })}\n`);
  else call.io.out(`${unregisteredText[done]}\n`);
  return 0;
}

export async function runAdopt({ host }: Call): Promise<number> {
  await adoptSubscription(host);
  return 0;
}

export async function runSendHeartbeat(call: Call): Promise<number> {
  const { subscription } = readPlugConfig(call.host.uci);
  if (subscription === undefined) return withoutSubscription(call);
  await spread(call);
  await sendHeartbeat(call.host, subscription);
  // The portal is reachable: deliver queued alerts.
  return (await deliverAlerts(call.host)) ? 0 : 1;
}

export async function runSendInventory(call: Call): Promise<number> {
  const { subscription } = readPlugConfig(call.host.uci);
  if (subscription === undefined) return withoutSubscription(call);
  await spread(call);
  await sendInventory(call.host, subscription);
  return 0;
}

export async function runInventory(call: Call): Promise<number> {
  call.io.out(`${JSON.stringify(await collectInventory(call.host), null, call.json ? 0 : 2)}\n`);
  return 0;
}

/** Exit codes of curl for an HTTP error and for a timeout, which the released command passed on. */
const httpErrorExitCode = 22;
const timeoutExitCode = 28;

/** Always prints one JSON document: other programs read it. */
export async function runSubscriptionInfo(call: Call): Promise<number> {
  const { subscription } = readPlugConfig(call.host.uci);
  if (subscription === undefined) {
    call.io.out(`${JSON.stringify({ uuid: "" })}\n`);
    return 0;
  }
  const { plan, secret, apiUrl } = subscription;
  const response = await requestInfo(call.host, plan, secret, {
    timeoutMs: timeoutOf(call.args["timeout"]) ?? infoTimeoutMs,
    retries: 2,
    apiUrl,
    signal: call.signal,
  }).catch((cause: unknown) => {
    if (!(cause instanceof HttpError) || cause.kind !== "timeout") throw cause;
    throw new NethsecError({ code: cause.code, message: cause.message, exitCode: timeoutExitCode, cause });
  });
  if (response.status !== 200) {
    throw new NethsecError({
      code: "portal_error",
      message: `The portal answers ${response.status} for this machine.`,
      advice: "Has the subscription ended? Otherwise try again later.",
      exitCode: httpErrorExitCode,
    });
  }
  call.io.out(`${JSON.stringify(response.json())}\n`);
  return 0;
}
