/**
 * The network sections that only the active node may bring up, as JSON in /etc/ha, one file per kind (contract ns-ha 4).
 * `exportNetwork` runs on the primary; `parseRecords` validates what the backup received. Pure.
 * Invariants: every section is exported once; lower devices and interfaces come before those above them; a section imported from the other node is
 * never exported again.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import type { Package, Section } from "@nethsec/host/uci-store";
import * as v from "valibot";
import {
  describedDevice,
  deviceOf,
  type DeviceSections,
  deviceSections,
  deviceType,
  standsOn,
} from "./device-sections.ts";
import { wanNetworks } from "./wan-zone.ts";

const optionSchema = v.union([v.string(), v.array(v.string())]);
export const optionsSchema = v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_]+$/)), optionSchema);
const sectionName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_]{1,64}$/));
export const sectionsSchema = v.record(sectionName, optionsSchema);
/** Options of a device section; `type` is its type (bridge, 8021q, …), or "bonding" for an interface that makes a bond; `key` its section. */
const deviceSchema = v.intersect([v.object({ type: v.string(), key: sectionName }), optionsSchema]);

export type Options = v.InferOutput<typeof optionsSchema>;
export type Sections = v.InferOutput<typeof sectionsSchema>;

/** A device below the WAN that the node also uses itself: never imported, but required to exist. `type` as in deviceSchema. */
const sharedDeviceSchema = v.object({ name: v.string(), type: v.string(), key: sectionName });
export type SharedDevice = v.InferOutput<typeof sharedDeviceSchema>;

export const recordsSchema = v.object({
  wan_devices: v.array(deviceSchema),
  /** Sections `bridge-vlan` of the WAN's bridges; for a shared bridge only those of the WAN's VLANs. */
  bridge_vlans: sectionsSchema,
  shared_devices: v.array(sharedDeviceSchema),
  wan_interfaces: sectionsSchema,
  /** Each with `type` `route` or `route6` among its options. */
  routes: sectionsSchema,
  ipsec_interfaces: sectionsSchema,
  wg_interfaces: sectionsSchema,
  /** Each with `type`, e.g. `wireguard_wg1`, among its options. */
  wg_peers: sectionsSchema,
  tun_interfaces: sectionsSchema,
  hotspot: v.union([v.object({ device: v.string(), mac_address: v.pipe(v.string(), v.mac()) }), v.strictObject({})]),
});
export type NetworkRecords = v.InferOutput<typeof recordsSchema>;
export type RecordKind = keyof NetworkRecords;
export const recordKinds = Object.keys(recordsSchema.entries) as readonly RecordKind[];

/** The tag of sections that came from the other node. */
export const importTag = "ha";

/** `text` is the content of a file in /etc/ha. Throws `export_not_understood`. */
export function parseRecords(files: ReadonlyMap<RecordKind, string>): NetworkRecords {
  const lists = new Set<RecordKind>(["wan_devices", "shared_devices"]);
  try {
    const value = Object.fromEntries(
      recordKinds.map((kind) => [kind, JSON.parse(files.get(kind) ?? (lists.has(kind) ? "[]" : "{}")) as unknown]),
    );
    return v.parse(recordsSchema, value);
  } catch (cause) {
    throw new NethsecError({
      code: "export_not_understood",
      message: "The network configuration in /etc/ha cannot be read, so nothing of it was imported.",
      advice: "Both nodes must run the same version; then run `ns-ha-config sync` on the primary.",
      cause,
    });
  }
}

/** `macOf`: the current MAC address of a device. `lans`: interfaces of the cluster, up on both nodes; undefined: all interfaces that do not follow. */
export function exportNetwork(
  packages: { readonly network: Package; readonly firewall: Package; readonly dedalo: Package },
  macOf: (device: string) => string | undefined,
  lans?: readonly string[],
): NetworkRecords {
  const { network } = packages;
  const own = network.sections.filter((section) => section.get("ns_tag") !== importTag);
  const interfaces = own.filter(({ type }) => type === "interface");
  const wanNames = new Set(wanNetworks(packages.firewall));
  const wan = aliasesLast(interfaces.filter(({ name }) => wanNames.has(name)));
  const rest = interfaces.filter(({ name }) => !wanNames.has(name));
  const wireguard = rest.filter((section) => section.get("proto") === "wireguard");
  const ipsec = rest.filter((section) => section.get("proto") === "xfrm");
  const tunnels = rest.filter((section) => section.get("device")?.startsWith("tun"));
  const wireguardNames = new Set([...wan, ...wireguard].map(({ name }) => `wireguard_${name}`));
  const tied = new Set([...wireguard, ...ipsec, ...tunnels]);
  const staying = rest.filter(
    (section) => !tied.has(section) && describedDevice(section) === undefined && (lans?.includes(section.name) ?? true),
  );
  return {
    ...devicesOf(own, wan, staying),
    wan_interfaces: sectionsOf(wan),
    routes: sectionsOf(
      own.filter(({ type }) => type === "route" || type === "route6"),
      true,
    ),
    ipsec_interfaces: sectionsOf(ipsec),
    wg_interfaces: sectionsOf(wireguard),
    wg_peers: sectionsOf(
      own.filter(({ type }) => wireguardNames.has(type)),
      true,
    ),
    tun_interfaces: sectionsOf(tunnels),
    hotspot: hotspotOf(packages.dedalo, network, macOf),
  };
}

/** An alias (`device '@wan'`) needs its parent to be defined before it. */
function aliasesLast(sections: readonly Section[]): Section[] {
  const alias = (section: Section): boolean => section.get("device")?.startsWith("@") ?? false;
  return [...sections.filter((section) => !alias(section)), ...sections.filter(alias)];
}

function sectionsOf(sections: readonly Section[], withType = false): Sections {
  return Object.fromEntries(
    sections.map((section) => [section.name, { ...(withType ? { type: section.type } : {}), ...optionsOf(section) }]),
  );
}

/** All options of a section. */
export function optionsOf(section: Section): Options {
  return Object.fromEntries(
    section.options.flatMap((option) => {
      const value = section.raw(option);
      return value === undefined ? [] : [[option, typeof value === "string" ? value : [...value]]];
    }),
  );
}

/**
 * The devices that WAN interfaces need, each after its lower devices. A device that also lies below an interface of both nodes (`staying`: a LAN)
 * is shared: each node configures its own, since a copy of a bridge with the other node's MAC address would take the LAN down.
 */
function devicesOf(
  own: readonly Section[],
  wan: readonly Section[],
  staying: readonly Section[],
): Pick<NetworkRecords, "wan_devices" | "bridge_vlans" | "shared_devices"> {
  const devices = deviceSections(own);
  const needed = carriersOf(wan, devices);
  const kept = new Set(carriersOf(staying, devices));
  const moving: NetworkRecords["wan_devices"] = [];
  const shared: SharedDevice[] = [];
  for (const device of needed) {
    const section = devices.get(device);
    if (section === undefined) continue;
    const facts = { type: deviceType(section), key: section.name };
    if (!kept.has(device)) moving.push({ ...optionsOf(section), ...facts });
    else if (facts.type !== "") shared.push({ name: device, ...facts });
  }
  const vlans = own.filter((section) => {
    const bridge = section.type === "bridge-vlan" ? section.get("device") : undefined;
    if (bridge === undefined || !needed.includes(bridge)) return false;
    return !kept.has(bridge) || needed.some((device) => vlanOf(device, devices) === `${bridge}.${section.get("vlan")}`);
  });
  const bonds = moving.filter(({ type }) => type === "bonding");
  return {
    wan_devices: [...bonds, ...moving.filter(({ type }) => type !== "bonding")],
    bridge_vlans: sectionsOf(vlans),
    shared_devices: shared,
  };
}

function carriersOf(interfaces: readonly Section[], devices: DeviceSections): string[] {
  const seen = new Set<string>();
  return interfaces.flatMap((section) => {
    const device = deviceOf(section);
    return device === undefined ? [] : standsOn(device, devices, seen);
  });
}

/** The VLAN as PARENT.NUMBER, even if its device section gives it another name; undefined: not a VLAN. */
function vlanOf(device: string, devices: DeviceSections): string | undefined {
  const section = devices.get(device);
  const vid = section?.get("vid");
  if (vid !== undefined) return `${section?.get("ifname") ?? ""}.${vid}`;
  return /^.+\.\d+$/.test(device) ? device : undefined;
}

/** dedalo's `interface` is a network section or, on older systems, a device. */
function hotspotOf(
  dedalo: Package,
  network: Package,
  macOf: (device: string) => string | undefined,
): NetworkRecords["hotspot"] {
  const config = dedalo.section("config");
  const name = config?.get("interface");
  if (config === undefined || name === undefined || config.bool("disabled", false)) return {};
  const device = network.get(name, "device") ?? name;
  const mac = macOf(device);
  return mac === undefined ? {} : { device, mac_address: mac };
}

/** The records that an export would write now. */
export function currentRecords(host: Pick<Host, "uci">, macOf: (device: string) => string | undefined): NetworkRecords {
  const read = (name: string) => host.uci.read(name);
  return exportNetwork(
    { network: read("network"), firewall: read("firewall"), dedalo: read("dedalo") },
    macOf,
    clusterInterfaces(read("keepalived")),
  );
}

/** Interfaces with a virtual address, from their `ns_link`; undefined: no cluster yet. Does not validate, so that an export cannot fail because of it. */
function clusterInterfaces(keepalived: Package): string[] | undefined {
  const names = keepalived.ofType("ipaddress").flatMap((section) => {
    const name = /^network\/(.+)$/.exec(section.get("ns_link") ?? "")?.[1];
    return name === undefined ? [] : [name];
  });
  return names.length === 0 ? undefined : names;
}
