/**
 * The virtual addresses that keepalived sets when it becomes master but does not monitor (all but the HA interface's; see
 * render-keepalived.ts). On the master a missing one is added (its device was made later, or it was deleted with the interface); on any other
 * node a remaining one is removed. Level-triggered, like the agent that calls it.
 */
import type { DeviceAddresses, Host } from "@nethsec/host/host";
import { sendFrames } from "@nethsec/host/ffi/raw-frames";
import type { VrrpState } from "./state.ts";
import { announcements } from "./announce.ts";
import type { HaConfig } from "./config.ts";
import { parseCidr } from "./ipv4.ts";

export interface AddressRepair {
  readonly action: "add" | "del";
  readonly device: string;
  /** e.g. "192.168.200.190/24" */
  readonly cidr: string;
}

/** The changes needed for the addresses to match the state; none while the state is unknown. Pure. */
export function addressRepairs(
  config: HaConfig,
  devices: readonly DeviceAddresses[],
  state: VrrpState,
): AddressRepair[] {
  const master = state === "master";
  if (!master && state !== "backup" && state !== "fault") return [];
  const [, ...others] = config.interfaces;
  return [...others, ...config.aliases].flatMap(({ device: name, virtualIp: cidr }): AddressRepair[] => {
    const device = devices.find((found) => found.device === name);
    const wanted = parseCidr(cidr);
    if (device === undefined || wanted === undefined) return [];
    const here = device.addresses.some((own) => own.address === wanted.address && own.prefix === wanted.prefix);
    return here === master ? [] : [{ action: master ? "add" : "del", device: name, cidr }];
  });
}

/** `state` is read before each change, and a transition stops the repair. Returns the changes made. */
export async function repairAddresses(
  host: Pick<Host, "net" | "run" | "log">,
  config: HaConfig,
  state: () => VrrpState,
): Promise<AddressRepair[]> {
  if (config.interfaces.length + config.aliases.length <= 1) return [];
  const seen = state();
  const devices = await host.net.addresses();
  const done: AddressRepair[] = [];
  for (const repair of addressRepairs(config, devices, seen)) {
    if (state() !== seen) return done;
    const { action, device, cidr } = repair;
    const label = action === "add" ? ["label", `${device}:ha`] : [];
    // Ignore failures: the change may have been made meanwhile, and the next run checks again.
    await host.run(["ip", "address", action, cidr, "dev", device, ...label], { timeoutMs: 5000, ok: "any" });
    host.log(
      "warning",
      `the virtual address ${cidr} was ${action === "add" ? "missing on" : "left on"} ${device}: ${action === "add" ? "added" : "removed"}`,
    );
    const mac = devices.find((found) => found.device === device)?.mac;
    if (action === "add" && mac !== undefined) sendFrames(device, announcements(mac, [cidr.split("/")[0] ?? cidr]));
    done.push(repair);
  }
  return done;
}
