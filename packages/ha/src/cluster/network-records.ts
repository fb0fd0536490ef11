/**
 * What travels in /etc/ha: the network sections that only the active node may bring up, as JSON, one file a kind (contract, section 4).
 * `exportNetwork` runs on the primary, `parseRecords` checks what arrived on the backup. Pure.
 * Invariants: every section is exported once; what carries comes before what is carried; a section imported from the other node is never
 * exported again.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import type { Package, Section } from "@nethsec/host/uci-store";
import * as v from "valibot";

const optionSchema = v.union([v.string(), v.array(v.string())]);
const optionsSchema = v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_]+$/)), optionSchema);
const sectionName = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_]{1,64}$/));
export const sectionsSchema = v.record(sectionName, optionsSchema);
/** Options of a device section; `type` is its type (bridge, 8021q, …), or "bonding" for an interface that makes a bond; `key` its section. */
const deviceSchema = v.intersect([v.object({ type: v.string(), key: sectionName }), optionsSchema]);

export type Options = v.InferOutput<typeof optionsSchema>;
export type Sections = v.InferOutput<typeof sectionsSchema>;

export const recordsSchema = v.object({
  wan_devices: v.array(deviceSchema),
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

/** `text` is what a file of /etc/ha holds. Throws `export_not_understood`. */
export function parseRecords(files: ReadonlyMap<RecordKind, string>): NetworkRecords {
  const empty = { wan_devices: "[]" } as const;
  try {
    const value = Object.fromEntries(
      recordKinds.map((kind) => [kind, JSON.parse(files.get(kind) ?? (kind in empty ? "[]" : "{}")) as unknown]),
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

/** `macOf`: the address of a device, as it is now. */
export function exportNetwork(
  packages: { readonly network: Package; readonly firewall: Package; readonly dedalo: Package },
  macOf: (device: string) => string | undefined,
): NetworkRecords {
  const { network } = packages;
  const own = network.sections.filter((section) => section.get("ns_tag") !== importTag);
  const interfaces = own.filter(({ type }) => type === "interface");
  const wanNames = new Set(packages.firewall.section("ns_wan")?.list("network"));
  const wan = aliasesLast(interfaces.filter(({ name }) => wanNames.has(name)));
  const rest = interfaces.filter(({ name }) => !wanNames.has(name));
  const wireguard = rest.filter((section) => section.get("proto") === "wireguard");
  const wireguardNames = new Set([...wan, ...wireguard].map(({ name }) => `wireguard_${name}`));
  return {
    wan_devices: wanDevices(own, wan),
    wan_interfaces: sectionsOf(wan),
    routes: sectionsOf(
      own.filter(({ type }) => type === "route" || type === "route6"),
      true,
    ),
    ipsec_interfaces: sectionsOf(rest.filter((section) => section.get("proto") === "xfrm")),
    wg_interfaces: sectionsOf(wireguard),
    wg_peers: sectionsOf(
      own.filter(({ type }) => wireguardNames.has(type)),
      true,
    ),
    tun_interfaces: sectionsOf(rest.filter((section) => section.get("device")?.startsWith("tun"))),
    hotspot: hotspotOf(packages.dedalo, network, macOf),
  };
}

/** An alias (`device '@wan'`) needs its parent first. */
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

/** The devices that WAN interfaces need, each after those it is made of. */
function wanDevices(own: readonly Section[], wan: readonly Section[]): NetworkRecords["wan_devices"] {
  const byName = new Map<string, Section>();
  for (const section of own) {
    const name =
      section.type === "device"
        ? section.get("name")
        : section.get("proto") === "bonding"
          ? `bond-${section.name}`
          : undefined;
    if (name !== undefined) byName.set(name, section);
  }
  const found = new Map<string, NetworkRecords["wan_devices"][number]>();
  const visited = new Set<string>();
  const visit = (device: string): void => {
    if (visited.has(device)) return; // also ends circles
    visited.add(device);
    const section = byName.get(device);
    for (const below of partsOf(device, section)) visit(below);
    if (section === undefined) return;
    const bond = section.type === "interface";
    found.set(section.name, {
      ...optionsOf(section),
      type: bond ? "bonding" : (section.get("type") ?? ""),
      key: section.name,
    });
  };
  for (const section of wan) {
    const device = section.get("device");
    if (device !== undefined && !device.startsWith("@")) visit(device);
  }
  const bonds = [...found.values()].filter(({ type }) => type === "bonding");
  return [...bonds, ...[...found.values()].filter(({ type }) => type !== "bonding")];
}

function partsOf(device: string, section: Section | undefined): string[] {
  const parent = /^(.+)\.\d+$/.exec(device)?.[1];
  const ports = section?.type === "device" ? [...section.list("ports"), ...section.list("ifname")] : [];
  return [...ports, ...(parent === undefined ? [] : [parent])];
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

/** What an export would hold now. */
export function currentRecords(host: Pick<Host, "uci">, macOf: (device: string) => string | undefined): NetworkRecords {
  const read = (name: string) => host.uci.read(name);
  return exportNetwork({ network: read("network"), firewall: read("firewall"), dedalo: read("dedalo") }, macOf);
}
