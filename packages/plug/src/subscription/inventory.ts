/**
 * The inventory: hardware, system and used features of this machine (contract ns-plug 2). Each field has its own source; a source that
 * fails leaves only its field empty.
 */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";
import type { Subscription } from "../config.ts";
import {
  architecture,
  arpCount,
  cpuCount,
  cpuModels,
  dmiText,
  firstLine,
  memory,
  mountPoints,
  product,
  timezone,
  uptime,
  versionId,
  virtual,
} from "./machine-facts.ts";
import { dnsServers, networkFeature, networks, publicAddress } from "./network-facts.ts";
import { firewallFeatures } from "./firewall-features.ts";
import type { Source } from "./inventory-source.ts";
import { serviceFeatures } from "./service-features.ts";
import { vpnFeatures } from "./vpn-features.ts";
import { installedVersion } from "../updates/installed-version.ts";
import { messageOf } from "@nethsec/host/message-of";
import { type PostOptions, postToPortal } from "../portal/portal.ts";
import { copyInventory, tellSeen } from "../portal/second-portal.ts";

const inventoryStatusPath = "/tmp/inventory-sent.json";

const statusSchema = v.object({
  status: v.picklist(["success", "error"]),
  /** ISO 8601 */
  last_attempt: v.string(),
});

/** Result of the last attempt to send the inventory; undefined when there was none since the last boot. */
export const inventoryStatus = ({ files }: Pick<Host, "files">): v.InferOutput<typeof statusSchema> | undefined =>
  readJson(files, inventoryStatusPath, statusSchema);

/** A part of the document that is not a feature: its source, and the value to use when the source fails. */
interface Part {
  readonly source: Source;
  readonly empty: unknown;
}
const text = (source: Source): Part => ({ source, empty: "" });

const noUsage = { used_bytes: 0, available_bytes: 0, total_bytes: 0 };
const board = "/sys/class/dmi/id";

const parts: Readonly<Record<string, Part>> = {
  arp_macs: text(arpCount),
  "dmi.product.name": text(product),
  "dmi.product.uuid": text(dmiText("product_uuid", board)),
  "dmi.bios.version": text(dmiText("bios_version")),
  "dmi.bios.vendor": text(dmiText("bios_vendor")),
  "dmi.board.product": text(product),
  "dmi.board.manufacturer": text(dmiText("sys_vendor")),
  virtual: text(virtual),
  kernel: text((host) => firstLine(host, "/proc/sys/kernel/ostype")),
  kernelrelease: text((host) => firstLine(host, "/proc/sys/kernel/osrelease")),
  "networking.fqdn": text(({ system }) => system.hostname()),
  "os.type": text(() => "nethsecurity"),
  "os.name": text(() => "NethSec"),
  "os.release.full": text(versionId),
  "os.release.major": text(() => 7),
  "os.family": text(() => "OpenWRT"),
  "processors.count": text(cpuCount),
  "processors.models": { source: cpuModels, empty: [""] },
  "processors.isa": text(architecture),
  timezone: text(timezone),
  "system_uptime.seconds": text(uptime),
  "esmithdb.networks": { source: networks, empty: [] },
  "esmithdb.configuration": { source: configuration, empty: [] },
  memory: { source: memory, empty: { swap: noUsage, system: noUsage } },
  mountpoints: { source: mountPoints, empty: {} },
  // Version of the web interface; the portal's name for it is that of an older system.
  "rpms.nethserver-firewall-base-ui": text((host) => installedVersion(host, "ns-ui") ?? ""),
  public_ip: text(publicAddress),
  ...Object.fromEntries(
    Object.entries({ ...firewallFeatures, ...serviceFeatures, ...vpnFeatures, network: networkFeature }).map(
      ([name, source]): [string, Part] => [`features.${name}`, { source, empty: {} }],
    ),
  ),
};

function configuration(host: Host): unknown {
  const name = host.system.hostname();
  const dot = name.indexOf(".");
  return [
    { name: "sysconfig", type: "configuration", props: { Version: versionId(host) } },
    { name: "dns", type: "configuration", props: { NameServers: dnsServers(host).join(",") } },
    // In these two entries the portal expects the value in `type`. Without a dot in the name, the domain is the same as the name.
    { name: "SystemName", type: dot < 0 ? name : name.slice(0, dot) },
    { name: "DomainName", type: dot < 0 ? name : name.slice(dot + 1) },
  ];
}

/** The whole document, in the form that the portals read (test-data/contracts/inventory.json). */
export async function collectInventory(host: Host): Promise<Readonly<Record<string, unknown>>> {
  const filled = await Promise.all(
    Object.entries(parts).map(async ([path, part]): Promise<[path: string, value: unknown]> => {
      try {
        return [path, await part.source(host)];
      } catch (error) {
        host.log("warning", `inventory: ${path} is left empty: ${messageOf(error)}`);
        return [path, part.empty];
      }
    }),
  );
  const document: Nested = {};
  for (const [path, value] of filled) place(document, path.split("."), value);
  return document;
}

interface Nested {
  [key: string]: unknown;
}

function place(into: Nested, [first = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    into[first] = value;
    return;
  }
  const inner = into[first];
  const folder: Nested = isNested(inner) ? inner : {};
  into[first] = folder;
  place(folder, rest, value);
}

const isNested = (value: unknown): value is Nested => typeof value === "object" && value !== null;

/** ISO 8601 with whole seconds and an offset, like the released program. */
const isoSeconds = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, "+00:00");

/**
 * Sends the inventory and stores the outcome for the web interface. An enterprise machine then queries the first portal, which updates its "last
 * seen" date, and sends its inventory to the second portal. Throws HttpError.
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

/** Sends the second portal its own inventory document, made by a separate program (package ns-phonehome). */
async function copyPhonehome(host: Host, subscription: Subscription): Promise<void> {
  if (subscription.plan !== "enterprise" || !host.files.exists(phonehome)) return;
  try {
    const { stdout } = await host.run([phonehome], { timeoutMs: phonehomeTimeoutMs });
    await copyInventory(host, subscription, JSON.parse(stdout));
  } catch (error) {
    host.log("info", `the inventory for the second portal was not sent: ${messageOf(error)}`);
  }
}
