/**
 * What goes through each network device now, from the kernel's counters (`network-devices.ts`).
 *
 * Invariants: a rate is never negative, nor more than the counter has grown: when a counter goes back (the device was made anew) that step counts
 * nothing; the samples of at most a dozen moments are kept, however often it is asked.
 */
import type { Host } from "@nethsec/host/host";
import { InterfaceNames, type DeviceName, type DeviceNames } from "../names/interface-names.ts";
import { deviceCounters, deviceCountersPath, type DeviceCounters } from "./network-devices.ts";

export interface InterfaceRate extends DeviceName {
  readonly device: string;
  /** Bytes since the device was made. */
  readonly received: number;
  readonly sent: number;
  /** Bytes within `InterfaceRates.ms`; undefined until there are two samples of the device. */
  readonly growth: DeviceCounters | undefined;
}

export interface InterfaceState {
  /** The busiest first, at most 20. */
  readonly interfaces: readonly InterfaceRate[];
  /** The time of each `growth`; undefined until there are two samples. */
  readonly ms: number | undefined;
}

interface Sample {
  /** Monotonic, milliseconds. */
  readonly at: number;
  readonly devices: ReadonlyMap<string, DeviceCounters>;
}

/** A little less than a viewer's two seconds, so that its every look finds a new sample. */
const sampleEveryMs = 1500;
/** Rates are averages of this time: steady enough to read. A page that is loaded anew each minute sees that minute. */
const windowMs = 10_000;
/** An average over longer says nothing about now. */
const oldestMs = 120_000;
const mostInterfaces = 20;

export interface InterfaceRatesNeeds {
  /** The text of /proc/net/dev; undefined when there is none. */
  readonly read: () => string | undefined;
  readonly monotonic: () => number;
  readonly names: () => Promise<DeviceNames>;
}

export class InterfaceRates {
  readonly #needs: InterfaceRatesNeeds;
  /** Oldest first. */
  #samples: Sample[] = [];

  constructor(needs: InterfaceRatesNeeds) {
    this.#needs = needs;
  }

  /** Changes whenever a rate would. Cheap. */
  mark(): string {
    this.#sample();
    const devices = this.#samples.at(-1)?.devices.keys() ?? [];
    return [...devices]
      .map((device) => this.#growth(device))
      .map((grown) => `${grown?.received}/${grown?.sent}`)
      .join();
  }

  async look(): Promise<InterfaceState> {
    this.#sample();
    const names = await this.#needs.names();
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined) return { interfaces: [], ms: undefined };
    // Ports of a bridge would show its traffic twice; where no device has a name there is nothing to choose by.
    const named = [...last.devices].filter(([device]) => names.has(device));
    const interfaces = (named.length > 0 ? named : [...last.devices]).map(([device, counters]) => ({
      device,
      ...(names.get(device) ?? { interfaces: [], zone: undefined }),
      ...counters,
      growth: this.#growth(device),
    }));
    interfaces.sort((a, b) => sumOf(b.growth) - sumOf(a.growth) || sumOf(b) - sumOf(a));
    return { interfaces: interfaces.slice(0, mostInterfaces), ms: first === last ? undefined : last.at - first.at };
  }

  #sample(): void {
    const at = this.#needs.monotonic();
    const last = this.#samples.at(-1);
    if (last !== undefined && at - last.at < sampleEveryMs) return;
    const text = this.#needs.read();
    if (text === undefined || (last !== undefined && at - last.at > oldestMs)) this.#samples = [];
    if (text === undefined) return;
    this.#samples.push({ at, devices: deviceCounters(text) });
    while (at - (this.#samples[1]?.at ?? at) >= windowMs) this.#samples.shift();
  }

  /** From sample to sample, since a device may have been made anew in between. */
  #growth(device: string): DeviceCounters | undefined {
    let grown: DeviceCounters | undefined;
    let before: DeviceCounters | undefined;
    for (const { devices } of this.#samples) {
      const now = devices.get(device);
      if (now !== undefined && before !== undefined)
        grown = {
          received: (grown?.received ?? 0) + Math.max(0, now.received - before.received),
          sent: (grown?.sent ?? 0) + Math.max(0, now.sent - before.sent),
        };
      before = now;
    }
    return grown;
  }
}

function sumOf(counters: DeviceCounters | undefined): number {
  return (counters?.received ?? 0) + (counters?.sent ?? 0);
}

export function interfaceRatesOf(host: Pick<Host, "files" | "net" | "uci" | "clock">): InterfaceRates {
  const names = new InterfaceNames(host);
  return new InterfaceRates({
    read: () => host.files.readText(deviceCountersPath),
    monotonic: () => host.clock.monotonic(),
    names: () => names.names(),
  });
}

/** "wan, wan6"; for a device that no interface uses, its zone, else the device. */
export function interfaceTitle({ interfaces, zone, device }: InterfaceRate): string {
  return interfaces.length > 0 ? interfaces.join(", ") : (zone ?? device);
}
