/**
 * The inventory: what this machine is and what it is used for (contract ns-plug 2). Each field has a source of its own; one that fails
 * leaves its own field empty (null), never the whole document.
 */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import { messageOf } from "@nethsec/host/message-of";
import * as v from "valibot";
import type { Subscription } from "../config.ts";
import { dmi, mountPoints, operatingSystem, processors, memory, kernel, uptime } from "./machine-facts.ts";
import { networks } from "./network-facts.ts";
import { features } from "./features.ts";
import { type PostOptions, postToPortal } from "../portal/portal.ts";
import { copyInventory, tellSeen } from "../portal/second-portal.ts";

const inventoryStatusPath = "/tmp/inventory-sent.json";

const statusSchema = v.object({
  status: v.picklist(["success", "error"]),
  /** ISO 8601 */
  last_attempt: v.string(),
});

/** How the last inventory went; undefined when none was sent since the last boot. */
export const inventoryStatus = ({ files }: Pick<Host, "files">): v.InferOutput<typeof statusSchema> | undefined =>
  readJson(files, inventoryStatusPath, statusSchema);

type Source = (host: Host) => unknown;

const sources: Readonly<Record<string, Source>> = {
  os: operatingSystem,
  kernel,
  hostname: (host) => host.system.hostname(),
  processors,
  memory,
  mountpoints: mountPoints,
  dmi,
  uptime,
  networks,
  features,
};

export async function collectInventory(host: Host): Promise<Readonly<Record<string, unknown>>> {
  const entries = Object.entries(sources).map(async ([name, source]): Promise<[string, unknown]> => {
    try {
      return [name, (await source(host)) ?? null];
    } catch (error) {
      host.log("warning", `inventory: ${name} is left empty: ${messageOf(error)}`);
      return [name, null];
    }
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Seconds, with an offset, as the released program writes it. */
const isoSeconds = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, "+00:00");

/**
 * Sends it, and keeps the outcome for the web interface. An enterprise machine then asks the first portal for itself, which takes that as a sign of
 * life, and tells the second portal. Throws HttpError.
 */
export async function sendInventory(
  host: Host,
  subscription: Subscription,
  options: PostOptions = { retries: 2 },
): Promise<void> {
  const data = await collectInventory(host);
  const outcome = (status: "success" | "error"): void =>
    host.files.write(
      inventoryStatusPath,
      `${JSON.stringify({ status, last_attempt: isoSeconds(host.clock.now()) })}\n`,
      { mode: 0o644 },
    );
  const body = { data: { lk: subscription.systemId, data } };
  try {
    await postToPortal(host, subscription, subscription.inventoryUrl, body, options);
  } catch (error) {
    outcome("error");
    throw error;
  }
  outcome("success");
  await tellSeen(host, subscription);
  await copyPhonehome(host, subscription);
}

const phonehome = "/usr/sbin/phonehome";
const phonehomeTimeoutMs = 30_000;

/** The second portal's document comes from a program of its own (package ns-phonehome). */
async function copyPhonehome(host: Host, subscription: Subscription): Promise<void> {
  if (subscription.plan !== "enterprise" || !host.files.exists(phonehome)) return;
  try {
    const { stdout } = await host.run([phonehome], { timeoutMs: phonehomeTimeoutMs });
    await copyInventory(host, subscription, JSON.parse(stdout));
  } catch (error) {
    host.log(
      "info",
      `the inventory for the second portal was not sent: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
