/**
 * What people call a network device: the interfaces of /etc/config/network that use it, and the firewall zone these are in. netifd knows the device of
 * an interface that is up (`l3_device`: "pppoe-wan", not the port below it); where it cannot be asked, the configuration says it.
 */
import type { Host } from "@nethsec/host/host";
import type { Package, UciStore } from "@nethsec/host/uci-store";

export interface DeviceName {
  /** Names of interfaces, e.g. ["wan", "wan6"]; empty for a device that only a firewall zone names. */
  readonly interfaces: readonly string[];
  readonly zone: string | undefined;
}

export type DeviceNames = ReadonlyMap<string, DeviceName>;

/** Interfaces come and go: they are asked for again after this. */
const freshMs = 30_000;

export class InterfaceNames {
  readonly #host: Pick<Host, "net" | "uci" | "clock">;
  #askedAt: number | undefined;
  #names: Promise<DeviceNames> | undefined;

  constructor(host: Pick<Host, "net" | "uci" | "clock">) {
    this.#host = host;
  }

  /** By device. Empty on a machine that has no /etc/config/network. Only the first call waits for netifd; a later answer is there at the next. */
  names(): Promise<DeviceNames> {
    const now = this.#host.clock.monotonic();
    if (this.#names !== undefined && now - (this.#askedAt ?? 0) < freshMs) return this.#names;
    this.#askedAt = now;
    const found = this.#find();
    if (this.#names === undefined) this.#names = found;
    else void found.then(() => (this.#names = found));
    return this.#names;
  }

  async #find(): Promise<DeviceNames> {
    const { net, uci } = this.#host;
    const configured = configuredDevices(readable(uci, "network"));
    try {
      for (const { name, device } of await net.interfaces()) if (device !== undefined) configured.set(name, [device]);
    } catch {
      // No netifd here, or this user may not ask it.
    }
    return namesOf(configured, readable(uci, "firewall"));
  }
}

/** Interface → its devices. An alias ("@lan") has those of its parent, which netifd tells. */
function configuredDevices(network: Package | undefined): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const section of network?.ofType("interface") ?? []) {
    // Before OpenWrt 21.02 the option was `ifname`.
    const devices = section.list(section.get("device") === undefined ? "ifname" : "device");
    found.set(
      section.name,
      devices.filter((device) => !device.startsWith("@")),
    );
  }
  return found;
}

function namesOf(devices: ReadonlyMap<string, readonly string[]>, firewall: Package | undefined): DeviceNames {
  const zones = firewall?.ofType("zone") ?? [];
  const zoneOf = (network: string): string | undefined =>
    zones.find((zone) => zone.list("network").includes(network))?.get("name");
  const names = new Map<string, { interfaces: string[]; zone: string | undefined }>();
  for (const [network, own] of devices) {
    for (const device of own) {
      const name = names.get(device) ?? { interfaces: [], zone: undefined };
      names.set(device, { interfaces: [...name.interfaces, network], zone: name.zone ?? zoneOf(network) });
    }
  }
  // A zone can list devices itself (option `device` of OpenWrt's firewall), such as tunnels that no interface has.
  for (const zone of zones)
    for (const device of zone.list("device"))
      if (!names.has(device)) names.set(device, { interfaces: [], zone: zone.get("name") });
  return names;
}

/** undefined when the package does not exist, cannot be read by this user, or does not parse: then devices have no other name. */
function readable(uci: UciStore, name: string): Package | undefined {
  try {
    return uci.load(name);
  } catch {
    return undefined;
  }
}
