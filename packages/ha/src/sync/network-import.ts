/**
 * Taking the primary's network sections into this node's /etc/config/network, disabled (contract, section 4). Pure but for the transaction.
 * Invariants: what carries the tag and is no longer exported goes; a section without the tag is not touched, but for an interface of the same
 * name that is no LAN of the cluster (a new firewall has a `wan` of its own), which is kept aside and taken over; running it again
 * changes nothing.
 */
import type { Section, Transaction } from "@nethsec/host/uci-store";
import { importTag, type NetworkRecords, type Options, optionsOf, type Sections } from "../cluster/network-records.ts";

/** One section as it should be here. */
interface Wanted {
  readonly name: string;
  readonly type: string;
  readonly options: Options;
  /** As in the log line: interface, device, route, … */
  readonly recordType: string;
}

export interface Imported {
  /** Log lines for what is new or changed, secrets masked. */
  readonly log: readonly string[];
  readonly removed: readonly string[];
  /** Sections of this node's own that have the name of an exported one, and were left as they are. */
  readonly conflicts: readonly string[];
  /** Sections of this node's own that were taken over, as they were. */
  readonly adopted: Sections;
}

/** Where the sections that were taken over are kept, for the day the node leaves the cluster. */
export const adoptedPath = "/etc/ns-ha/adopted.json";

/** Options that hold secrets: never written to a log. */
const secret = /key|password|secret|psk/i;

/** `own`: interfaces of the cluster's LANs, which are never taken over. */
export function importNetwork(transaction: Transaction, records: NetworkRecords, own: readonly string[]): Imported {
  const wanted = wantedSections(records);
  const network = transaction.load("network");
  const log: string[] = [];
  const conflicts: string[] = [];
  const adopted: Record<string, Sections[string]> = {};
  for (const section of wanted) {
    const here = network.section(section.name);
    if (here !== undefined && here.get("ns_tag") !== importTag) {
      if (section.type !== "interface" || here.type !== "interface" || own.includes(section.name)) {
        conflicts.push(section.name);
        continue;
      }
      adopted[section.name] = optionsOf(here);
    }
    if (here !== undefined && same(here, section)) continue;
    transaction.delete("network", section.name);
    transaction.setSection("network", section.name, section.type);
    for (const [option, value] of Object.entries(section.options))
      transaction.set("network", section.name, option, value);
    log.push(logLine(section));
  }
  const names = new Set(wanted.map(({ name }) => name));
  const removed = network.sections
    .filter((here) => here.get("ns_tag") === importTag && !names.has(here.name))
    .map(({ name }) => name);
  for (const name of removed) transaction.delete("network", name);
  return { log, removed, conflicts, adopted };
}

function wantedSections(records: NetworkRecords): Wanted[] {
  const devices = records.wan_devices.map(({ type, key, ...options }): Wanted => {
    if (type === "bonding") return { name: key, type: "interface", options: disabled(options), recordType: "device" };
    return {
      name: key,
      type: "device",
      options: { ...(type === "" ? {} : { type }), ...options, ns_tag: importTag },
      recordType: "device",
    };
  });
  const interfaces = [
    records.wan_interfaces,
    records.ipsec_interfaces,
    records.wg_interfaces,
    records.tun_interfaces,
  ].flatMap((sections) =>
    Object.entries(sections).map(([name, options]): Wanted => ({
      name,
      type: "interface",
      options: disabled(options),
      recordType: "interface",
    })),
  );
  const routes = Object.entries(records.routes).map(([name, { type, ...options }]): Wanted => {
    const own = options["disabled"] === undefined ? {} : { ns_disabled: options["disabled"] };
    const kind = type === "route6" ? "route6" : "route";
    return { name, type: kind, options: { ...options, ...own, disabled: "1", ns_tag: importTag }, recordType: "route" };
  });
  const peers = Object.entries(records.wg_peers).flatMap(([name, { type, ...options }]): Wanted[] =>
    typeof type === "string" && /^wireguard_\w+$/.test(type)
      ? [{ name, type, options: { ...options, ns_tag: importTag }, recordType: "wg_peer" }]
      : [],
  );
  return [...devices, ...interfaces, ...routes, ...peers].map((section) => ({
    ...section,
    name: ownName(section.name),
  }));
}

/** libuci numbers unnamed sections (cfg0a1b2c): here the number may belong to another section, so they get a name. */
function ownName(name: string): string {
  return /^cfg[0-9a-f]{6}$/.test(name) ? `ha_${name}` : name;
}

/** `auto` 0; what the user chose on the primary is kept aside as `ns_auto`, so that the takeover respects it. */
function disabled(options: Options): Options {
  const own = options["auto"] === undefined ? {} : { ns_auto: options["auto"] };
  return { ...options, ...own, auto: "0", ns_tag: importTag };
}

function same(here: Section, { type, options, recordType }: Wanted): boolean {
  const text = (value: unknown): string => JSON.stringify(value);
  // `disabled` of a route follows the state of this node, so it is no difference.
  const counts = (name: string): boolean => name !== "disabled" || recordType !== "route";
  const names = Object.keys(options).filter(counts);
  const kept = here.options.filter(counts);
  return (
    here.type === type &&
    names.length === kept.length &&
    names.every((name) => text(here.raw(name)) === text(options[name]))
  );
}

/** `Importing network configuration: {"device": "eth1", "proto": "dhcp", "record_type": "interface", "record_id": "wan"}` */
function logLine({ name, options, recordType }: Wanted): string {
  const own = new Set(["ns_tag", "auto", "ns_auto", "ns_disabled"]);
  const shown = Object.entries(options)
    .filter(([option]) => !own.has(option))
    .map(([option, value]) => [option, secret.test(option) ? "***" : value]);
  const all = [...shown, ["record_type", recordType], ["record_id", name]];
  const text = (value: unknown): string =>
    Array.isArray(value) ? `[${value.map(text).join(", ")}]` : JSON.stringify(value);
  return `Importing network configuration: {${all.map(([key, value]) => `${text(key)}: ${text(value)}`).join(", ")}}`;
}
