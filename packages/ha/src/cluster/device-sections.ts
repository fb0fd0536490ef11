/**
 * Network devices by their own name, whatever the section is called (netifd identifies a device by its option `name`). Pure.
 * A bond made by an interface with the protocol bonding is the device `bond-INTERFACE`.
 */
import type { Section } from "@nethsec/host/uci-store";

/** Device → the section that describes it. netifd takes the last one when there are several. */
export type DeviceSections = ReadonlyMap<string, Section>;

export function deviceSections(sections: readonly Section[]): DeviceSections {
  const found = new Map<string, Section>();
  for (const section of sections) {
    const device = describedDevice(section);
    if (device !== undefined) found.set(device, section);
  }
  return found;
}

/** The device that a section describes; undefined: none. */
export function describedDevice(section: Section): string | undefined {
  if (section.type === "device") return section.get("name");
  return section.type === "interface" && section.get("proto") === "bonding" ? `bond-${section.name}` : undefined;
}

/** "bridge", "8021q", "bonding", …; "" for a plain device with settings of its own. */
export function deviceType(section: Section): string {
  return section.type === "interface" ? "bonding" : (section.get("type") ?? "");
}

/** The devices that `device` is made of: ports of a bridge, slaves of a bond, the parent of a VLAN or macvlan. */
export function partsOf(device: string, devices: DeviceSections): string[] {
  const section = devices.get(device);
  const parent = /^(.+)\.\d+$/.exec(device)?.[1];
  return [...memberDevices(section), ...(parent === undefined ? [] : [parent])];
}

/** The devices that the section names as its parts. Older bridges call their ports `ifname`, as VLANs call their parent. */
export function memberDevices(section: Section | undefined): string[] {
  if (section === undefined) return [];
  if (section.type === "interface") return section.list("slaves");
  return [...section.list("ports"), ...section.list("ifname")];
}

/** `device` and all devices below it, lower devices first. Cycles end the recursion. */
export function standsOn(device: string, devices: DeviceSections, seen: Set<string> = new Set()): string[] {
  if (seen.has(device)) return [];
  seen.add(device);
  return [...partsOf(device, devices).flatMap((part) => standsOn(part, devices, seen)), device];
}

/** The device named in an interface's section; undefined for an alias (`@wan`) or none. */
export function deviceOf(section: Section): string | undefined {
  const device = section.get("device") ?? section.get("ifname");
  return device === undefined || device === "" || device.startsWith("@") ? undefined : device;
}
