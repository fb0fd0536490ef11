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
import { postToPortal } from "../portal/portal.ts";

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

/** Sends it, and keeps the outcome for the web interface. Throws HttpError. */
export async function sendInventory(host: Host, subscription: Subscription): Promise<void> {
  const data = await collectInventory(host);
  const outcome = (status: "success" | "error"): void =>
    host.files.write(
      inventoryStatusPath,
      `${JSON.stringify({ status, last_attempt: new Date(host.clock.now()).toISOString() })}\n`,
      { mode: 0o644 },
    );
  try {
    await postToPortal(host, subscription, subscription.inventoryUrl, { data: { lk: subscription.systemId, data } }, 2);
  } catch (error) {
    outcome("error");
    throw error;
  }
  outcome("success");
}
