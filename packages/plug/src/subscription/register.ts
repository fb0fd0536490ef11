/**
 * `register` and `unregister`. A subscription consists of UCI options, cron lines and the effects of hooks.
 * Invariants: nothing is saved before the portal has returned the machine's system id; unregistering always removes the subscription, even
 * when the portal is unreachable.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { HttpError } from "@nethsec/host/http/http";
import * as v from "valibot";
import { disableAlerts, enableAlerts } from "../alerts/netdata.ts";
import { hasChannel } from "../alerts/channels.ts";
import { clearAlerts, forgetDelivered } from "../alerts/queue.ts";
import { isPlan, portals, readPlugConfig, writePlugOptions, type Plan, type Subscription } from "../config.ts";
import { forgetOutcome } from "../cron/outcome.ts";
import { removeJobs, setJob } from "../cron/schedule.ts";
import { sendHeartbeat } from "./heartbeat.ts";
import { runHooks } from "./hooks.ts";
import { sendInventory } from "./inventory.ts";
import { type InfoOptions, postToPortal, requestInfo } from "../portal/portal.ts";
import { publicRepository, repositoryWith } from "../updates/repository.ts";
import { setUpFeeds } from "../updates/feeds.ts";

const infoSchema = v.looseObject({ uuid: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9-]{3,63}$/)) });

const refuse = (code: string, text: string, advice?: string, cause?: unknown): NethsecError =>
  new NethsecError({
    code,
    message: `[ERROR] ${text}`,
    ...(advice === undefined ? {} : { advice }),
    ...(cause === undefined ? {} : { cause }),
  });

/** `asked`: limits for querying the portal. Throws NethsecError with the documented message; then nothing was saved. */
export async function registerMachine(
  host: Host,
  type: string,
  secret: string,
  asked: InfoOptions = {},
): Promise<Subscription> {
  if (!isPlan(type)) throw refuse("invalid_type", `Invalid type '${type}'`, "It is community or enterprise.");
  if (secret === "" || /[^\x21-\x7e]/.test(secret)) throw refuse("invalid_secret", "Invalid secret");
  const systemId = await findSystemId(host, type, secret, asked);
  const before = readPlugConfig(host.uci).subscription?.systemId;
  host.uci.change((transaction) =>
    writePlugOptions(transaction, {
      ...portals[type],
      system_id: systemId,
      type,
      secret,
      repository_url: repositoryWith({ plan: type, systemId, secret }),
    }),
  );
  const { subscription, controller } = readPlugConfig(host.uci);
  if (subscription === undefined) throw new Error("a subscription that was just saved cannot be read");
  // Delivered alerts belong to the previous system id: the portal does not know them for this one.
  if (systemId !== before) forgetDelivered(host);
  for (const job of ["send-heartbeat", "send-inventory", "send-backup"] as const) await setJob(host, job);
  if (controller.server !== undefined) await setJob(host, "ns-push-reports");
  await enableAlerts(host);
  setUpFeeds(host);
  await tell(host, "the services were not told that the configuration changed", () => host.services.reloadConfig());
  // The machine is registered now: if sending fails here, cron sends later.
  const later = "could not be sent now, cron will";
  await tell(host, `the inventory ${later}`, () => sendInventory(host, subscription));
  await tell(host, `the heartbeat ${later}`, () => sendHeartbeat(host, subscription));
  await runHooks(host, "register");
  return subscription;
}

async function findSystemId(host: Host, plan: Plan, secret: string, asked: InfoOptions): Promise<string> {
  const response = await requestInfo(host, plan, secret, asked).catch((cause: unknown) => {
    if (!(cause instanceof HttpError)) throw cause;
    throw refuse(
      "portal_unreachable",
      `The portal cannot be reached: ${cause.message}`,
      cause.advice ?? "Nothing was saved; try again.",
      cause,
    );
  });
  if ([400, 401, 403, 404].includes(response.status)) throw refuse("invalid_secret", "Invalid secret");
  if (response.status !== 200)
    throw refuse("portal_error", `The portal answers ${response.status}`, "Nothing was saved; try again later.");
  const info = v.safeParse(infoSchema, jsonOf(response.text()));
  if (!info.success) throw refuse("system_id_not_found", "System ID not found");
  return info.output.uuid;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns false when `send` fails, which is logged with the text `otherwise`. */
async function tell(host: Host, otherwise: string, send: () => Promise<unknown>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    host.log("warning", `${otherwise}: ${error.message}`);
    return false;
  }
}

export type Unregistered = "unregistered" | "portal_not_told" | "not_registered";

/** The subscription is removed from this machine even if the result is `portal_not_told`. */
export async function unregisterMachine(host: Host): Promise<Unregistered> {
  const { subscription } = readPlugConfig(host.uci);
  if (subscription === undefined) return "not_registered";
  const told = await tell(host, "the portal could not be told that the key is free", () =>
    postToPortal(host, subscription, `${subscription.apiUrl}Utils/freekey`, {
      lk: subscription.systemId,
      secret: subscription.secret,
    }),
  );
  host.uci.change((transaction) =>
    writePlugOptions(transaction, {
      system_id: undefined,
      type: undefined,
      secret: undefined,
      api_url: undefined,
      alerts_url: undefined,
      inventory_url: undefined,
      repository_url: publicRepository(host),
    }),
  );
  await removeJobs(host, ["send-heartbeat", "send-inventory", "send-backup", "ns-push-reports"]);
  if (!hasChannel(host)) await disableAlerts(host);
  setUpFeeds(host);
  await tell(host, "the services were not told that the configuration changed", () => host.services.reloadConfig());
  clearAlerts(host);
  for (const job of ["heartbeat", "backup"] as const) forgetOutcome(host.files, job);
  await runHooks(host, "unregister");
  return told ? "unregistered" : "portal_not_told";
}
