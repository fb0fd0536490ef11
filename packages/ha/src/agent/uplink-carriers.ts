/**
 * The carrier of the watched WANs' devices on a node that is passive. netifd switches the devices of an interface that is down off, and a device that
 * is off has no carrier: to know it, the device is switched on for a moment, without an address. That happens only when the other node's uplinks are
 * dead and this one might take the site: on a WAN that is in use on the other node, a second device with the same MAC address would disturb.
 */
import type { DeviceAddresses, Host } from "@nethsec/host/host";
import type { Package } from "@nethsec/host/uci-store";
import { deviceOf } from "../cluster/device-sections.ts";
import { physicalDevices } from "../cluster/network-config.ts";
import type { UplinkCarrier } from "../cluster/uplinks.ts";

/** A port negotiates for up to some four seconds before it has carrier. */
const carrierTimeoutMs = 5000;
const pollMs = 100;

type Machine = Pick<Host, "net" | "run" | "clock" | "uci">;

/** As they are now; a device that is off tells nothing. */
export async function uplinkCarriers(host: Machine, watched: readonly string[]): Promise<UplinkCarrier[]> {
  const known = new Map((await host.net.addresses()).map((each) => [each.device, each]));
  return watched.flatMap((name) => carrierOf(name, devicesOf(host.uci.read("network"), name), known));
}

/** Switches devices on that are off, waits for their carrier, and switches them off again, unless `passive` says that this node needs them now. */
export async function tryUplinkCarriers(
  host: Machine,
  watched: readonly string[],
  passive: () => boolean,
): Promise<UplinkCarrier[]> {
  const before = await uplinkCarriers(host, watched);
  const present = await host.net.addresses();
  const wanted = new Set(before.flatMap(({ devices }) => devices));
  const off = present.filter(({ device, up }) => !up && wanted.has(device)).map(({ device }) => device);
  if (off.length === 0 || !passive()) return before;
  const set = (device: string, way: "up" | "down"): Promise<unknown> =>
    host.run(["ip", "link", "set", "dev", device, way], { timeoutMs: 5000, ok: "any" });
  for (const device of off) await set(device, "up");
  try {
    const end = host.clock.monotonic() + carrierTimeoutMs;
    let now = await uplinkCarriers(host, watched);
    while (now.every(({ carrier }) => carrier !== true) && host.clock.monotonic() < end) {
      await host.clock.sleep(pollMs);
      now = await uplinkCarriers(host, watched);
    }
    return now;
  } finally {
    for (const device of off) {
      if (!passive()) break;
      await set(device, "down");
      // The node became active in this moment: its interface needs the device.
      if (!passive()) await set(device, "up");
    }
  }
}

/** undefined: this node has no such interface. */
function devicesOf(network: Package, name: string): string[] | undefined {
  const section = network.section(name);
  if (section?.type !== "interface") return undefined;
  const device = section.get("proto") === "bonding" ? `bond-${name}` : deviceOf(section);
  return device === undefined ? [] : physicalDevices(network, device);
}

function carrierOf(
  name: string,
  devices: string[] | undefined,
  known: ReadonlyMap<string, DeviceAddresses>,
): UplinkCarrier[] {
  if (devices === undefined) return [];
  const present = devices.flatMap((device) => known.get(device) ?? []);
  const on = present.filter(({ up }) => up);
  if (on.some(({ carrier }) => carrier)) return [{ name, devices, carrier: true }];
  return [{ name, devices, ...(on.length < present.length ? {} : { carrier: false }) }];
}
