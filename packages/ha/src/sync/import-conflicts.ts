/**
 * Conflicts between a section of the primary and this node's own. Devices are compared by device name, not by section name: of two
 * sections for one device, netifd would use whichever it reads last. Pure.
 */
import type { Section } from "@nethsec/host/uci-store";
import {
  deviceOf,
  type DeviceSections,
  deviceSections,
  deviceType,
  memberDevices,
  standsOn,
} from "../cluster/device-sections.ts";
import type { Options, SharedDevice } from "../cluster/network-records.ts";

/** A section to be imported, in the form it is to have here. */
export interface Wanted {
  /** Section name here. */
  readonly name: string;
  /** Section name on the primary. */
  readonly origin: string;
  readonly type: string;
  readonly options: Options;
  /** As in the log: interface, device, bridge_vlan, route, … */
  readonly recordType: string;
}

/** import: take it; keep: this node already has the same; otherwise a sentence with both names and the advice. */
export type Judgement = "import" | "keep" | { readonly conflict: string };

export class OwnNetwork {
  readonly #sections: readonly Section[];
  readonly #devices: DeviceSections;
  /** Device → an interface of this node's own that uses it, directly or through other devices. */
  readonly #carried = new Map<string, string>();

  /** `own`: sections not imported from the other node. `taken`: interfaces among them that the primary's will replace. */
  constructor(own: readonly Section[], taken: ReadonlySet<string>) {
    this.#sections = own;
    this.#devices = deviceSections(own);
    for (const section of own) {
      if (section.type !== "interface" || section.name === "loopback" || taken.has(section.name)) continue;
      const device = deviceOf(section);
      if (device === undefined) continue;
      for (const below of standsOn(device, this.#devices)) this.#carried.set(below, section.name);
    }
  }

  judge(wanted: Wanted): Judgement {
    if (wanted.recordType === "device") return this.#device(wanted);
    if (wanted.recordType === "bridge_vlan") return this.#bridgeVlan(wanted);
    if (wanted.type === "interface") return this.#port(wanted, deviceIn(wanted));
    return "import";
  }

  /** The reason why a device that the WAN needs is missing here; undefined: this node has it. */
  missing({ name, type, key }: SharedDevice): string | undefined {
    const here = this.#devices.get(name);
    if (here !== undefined && deviceType(here) === type) return undefined;
    const found = here === undefined ? "has no such device" : `describes it in network.${here.name} as ${kindOf(here)}`;
    return `The primary's WAN stands on the ${type} ${name} of its LAN (network.${key} there). This node ${found}: the WAN cannot come up here. Set up ${name} here as on the primary.`;
  }

  #device(wanted: Wanted): Judgement {
    const device = wanted.type === "interface" ? `bond-${wanted.name}` : (text(wanted.options["name"]) ?? "");
    const here = wanted.type === "interface" ? undefined : this.#devices.get(device);
    const user = this.#carried.get(device);
    const type = wanted.type === "interface" ? "bonding" : (text(wanted.options["type"]) ?? "");
    if (here !== undefined) {
      const alike = user === undefined ? sameDevice(here, wanted.options) : deviceType(here) === type;
      if (alike) return "keep";
      return conflict(wanted, `this node describes ${device} itself, in network.${here.name}`, here.name);
    }
    if (user !== undefined) {
      if (type === "") return "keep";
      return conflict(wanted, `${user}, an interface of this node's own, stands on ${device}`, user);
    }
    // A VLAN may share its parent device; the port of a bridge or the slave of a bond cannot be shared.
    for (const member of type === "bridge" || type === "bonding" ? membersIn(wanted) : []) {
      const judged = this.#port(wanted, member);
      if (judged !== "import") return judged;
      const its = this.#interfaceOn(member);
      if (its !== undefined) return conflict(wanted, `its part ${member} is the device of ${its} on this node`, its);
    }
    return "import";
  }

  /** Conflict when the device is the port of a bridge or the slave of a bond here: nothing else can use it then. */
  #port(wanted: Wanted, device: string | undefined): Judgement {
    for (const [name, section] of device === undefined ? [] : this.#devices) {
      if (["bridge", "bonding"].includes(deviceType(section)) && memberDevices(section).includes(device ?? ""))
        return conflict(wanted, `${device} is part of ${name} on this node, in network.${section.name}`, section.name);
    }
    return "import";
  }

  #bridgeVlan(wanted: Wanted): Judgement {
    const [bridge, vlan] = [text(wanted.options["device"]), text(wanted.options["vlan"])];
    const vlans = this.#sections.filter(({ type }) => type === "bridge-vlan").filter((s) => s.get("device") === bridge);
    const same = vlans.find((section) => section.get("vlan") === vlan);
    if (same !== undefined) {
      const ports = wanted.options["ports"];
      const wantedPorts = typeof ports === "string" ? ports.split(/\s+/) : (ports ?? []);
      if (same.list("ports").toSorted().join(" ") === wantedPorts.toSorted().join(" ")) return "keep";
      return conflict(
        wanted,
        `this node describes VLAN ${vlan} of ${bridge} itself, in network.${same.name}`,
        same.name,
      );
    }
    const own = this.#devices.get(bridge ?? "");
    if (own === undefined || vlans.length > 0) return "import";
    // The first VLAN on a bridge makes it drop traffic that belongs to no VLAN: the LAN on it would be cut off.
    return conflict(wanted, `${bridge} has no VLANs on this node, in network.${own.name}`, own.name);
  }

  #interfaceOn(device: string): string | undefined {
    const user = this.#carried.get(device);
    const section = this.#sections.find(({ name, type }) => type === "interface" && name === user);
    return section !== undefined && deviceOf(section) === device ? user : undefined;
  }
}

function conflict({ origin, recordType }: Wanted, why: string, own: string): { conflict: string } {
  const what = recordType === "bridge_vlan" ? "bridge-vlan" : recordType;
  return {
    conflict: `The ${what} network.${origin} of the primary was not imported: ${why}. Make both alike, or delete network.${own} on this node.`,
  };
}

/** Compares all options except the MAC address, which differs between the nodes. */
function sameDevice(here: Section, options: Options): boolean {
  const counts = (option: string): boolean => !["macaddr", "ns_tag"].includes(option);
  const [names, kept] = [Object.keys(options).filter(counts), here.options.filter(counts)];
  const words = (value: Options[string] | undefined): string =>
    typeof value === "string" ? value : (value ?? []).join(" ");
  return names.length === kept.length && names.every((name) => words(options[name]) === (here.get(name) ?? ""));
}

const text = (value: Options[string] | undefined): string | undefined =>
  typeof value === "string" ? value : undefined;
const kindOf = (section: Section): string => deviceType(section) || "a plain device";

function deviceIn({ options }: Wanted): string | undefined {
  const device = text(options["device"]);
  return device === undefined || device.startsWith("@") ? undefined : device;
}

function membersIn({ options, type }: Wanted): string[] {
  const given = type === "interface" ? [options["slaves"]] : [options["ports"], options["ifname"]];
  return given.flatMap((value) => (typeof value === "string" ? value.split(/\s+/) : (value ?? [])));
}
