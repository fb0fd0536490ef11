/**
 * The second portal: until it takes over, enterprise machines send it copies of what they send to the first one (test-data/contracts/portal.json:
 * new_portal_heartbeat, new_portal_inventory, new_portal_backup, systems_info_registration_date). Failures there are logged and otherwise ignored.
 */
import { NethsecError } from "@nethsec/host/error";
import { httpRequest, type HttpHost, type HttpRequest } from "@nethsec/host/http/http";
import type { Host } from "@nethsec/host/host";
import { posix } from "node:path";
import type { Subscription } from "../config.ts";

type Needs = HttpHost & Pick<Host, "log">;

/** Short, because copies are sent by commands that a user may be waiting for. */
const timeoutMs = 20_000;
const transferTimeoutMs = 3600_000;
const idleMs = 60_000;

/** `POST <copy>/heartbeat`, without a body. */
export const copyHeartbeat = (host: Needs, subscription: Subscription): Promise<void> =>
  toSecondPortal(host, subscription, "heartbeat", { timeoutMs });

/** `document`: output of the program `phonehome`. */
export const copyInventory = (host: Needs, subscription: Subscription, document: unknown): Promise<void> =>
  toSecondPortal(host, subscription, "inventory", { timeoutMs, body: { json: document } });

/** Only for encrypted backups, as the released packages do. */
export const copyBackup = (host: Needs, subscription: Subscription, path: string, signal: AbortSignal): Promise<void> =>
  toSecondPortal(host, subscription, "backup", {
    timeoutMs: transferTimeoutMs,
    idleMs,
    signal,
    headers: { "Content-Type": "application/octet-stream", "X-Filename": posix.basename(path) },
    body: { file: path },
  });

/** Queries the first portal for this machine, which updates the portal's "last seen" date. */
export async function tellSeen(host: Needs, subscription: Subscription): Promise<void> {
  if (subscription.plan !== "enterprise") return;
  await ignoringFailure(host, "the portal's date of the last sight", {
    url: `${subscription.apiUrl}systems/info`,
    method: "POST",
    headers: { Accept: "application/json" },
    body: { json: { secret: subscription.secret } },
    secrets: [subscription.secret],
    timeoutMs,
  });
}

async function toSecondPortal(
  host: Needs,
  subscription: Subscription,
  what: "heartbeat" | "inventory" | "backup",
  request: Omit<HttpRequest, "url" | "method" | "basic">,
): Promise<void> {
  if (subscription.plan !== "enterprise") return;
  await ignoringFailure(host, `the copy of the ${what} at the second portal`, {
    ...request,
    url: `${subscription.copyUrl}${what}`,
    method: "POST",
    basic: { user: subscription.systemId, password: subscription.secret },
  });
}

async function ignoringFailure(host: Needs, what: string, request: HttpRequest): Promise<void> {
  try {
    await httpRequest({ ...request, retries: 0, maxRedirects: 0 }, host);
  } catch (error) {
    if (!(error instanceof NethsecError)) throw error;
    host.log("info", `${what} could not be brought up to date: ${error.message}`);
  }
}
