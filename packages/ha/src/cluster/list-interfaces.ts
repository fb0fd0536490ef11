/** Interfaces and VIPs as the web interface and `show-config` list them. Pure. */
import type { UciStore } from "@nethsec/host/uci-store";
import { readHaConfig } from "./config.ts";
import { configuredInterfaces } from "./network-config.ts";

export interface ListedInterface {
  readonly name: string;
  readonly device: string;
  readonly ha_configured: boolean;
  /** "" when none. */
  readonly virtual_ip: string;
}

/** Every interface with a device of its own; not aliases (`@lan`) nor the loopback. */
export function listInterfaces(uci: Pick<UciStore, "load" | "read">): ListedInterface[] {
  const config = readHaConfig(uci);
  return configuredInterfaces(uci.read("network")).flatMap(({ name, device }) => {
    if (device === undefined || device.startsWith("@")) return [];
    const virtual = config?.interfaces.find((known) => known.name === name)?.virtualIp;
    return [{ name, device, ha_configured: virtual !== undefined, virtual_ip: virtual ?? "" }];
  });
}

export function listVips(uci: Pick<UciStore, "load">): { interface: string; ipaddr: string }[] {
  return (readHaConfig(uci)?.aliases ?? []).map(({ name, virtualIp }) => ({ interface: name, ipaddr: virtualIp }));
}
