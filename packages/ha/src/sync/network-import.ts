/**
 * Imports the primary's network sections into this node's /etc/config/network, disabled (contract ns-ha 4). Pure but for the transaction.
 * Invariants: a tagged section that is no longer exported is removed; an untagged section is not touched, except an interface of the same
 * name that is no LAN of the cluster (a new firewall has a `wan` of its own), which is saved and replaced; running it again
 * changes nothing.
 */
import type { Package, Section, Transaction } from "@nethsec/host/uci-store";
import type { HaConfig } from "../cluster/config.ts";
import { importTag, type NetworkRecords, type Options, optionsOf, type Sections } from "../cluster/network-records.ts";
import { OwnNetwork, type Wanted } from "./import-conflicts.ts";

export interface Imported {
  /** Log lines for new and changed sections, secrets masked. */
  readonly log: readonly string[];
  readonly removed: readonly string[];
  /** Refused sections: a sentence each, with the reason and the names on both nodes. */
  readonly conflicts: readonly string[];
  /** Originals of this node's own sections that were replaced. */
  readonly adopted: Sections;
}

/** Stores the originals of replaced sections until the node leaves the cluster. */
export const adoptedPath = "/etc/ns-ha/adopted.json";

/** Options that hold secrets: never written to a log. */
const secret = /key|password|secret|psk/i;

/** `lans`: interfaces of the cluster's LANs, which are never replaced. */
export function importNetwork(transaction: Transaction, records: NetworkRecords, lans: readonly string[]): Imported {
  const network = transaction.load("network");
  const { accepted, conflicts, adopted } = judgeImport(network, records, lans);
  const log: string[] = [];
  for (const section of accepted) {
    const here = network.section(section.name);
    if (here !== undefined && same(here, section)) continue;
    transaction.delete("network", section.name);
    transaction.setSection("network", section.name, section.type);
    for (const [option, value] of Object.entries(section.options))
      transaction.set("network", section.name, option, value);
    log.push(logLine(section));
  }
  const names = new Set(accepted.map(({ name }) => name));
  const removed = network.sections
    .filter((here) => here.get("ns_tag") === importTag && !names.has(here.name))
    .map(({ name }) => name);
  for (const name of removed) transaction.delete("network", name);
  return { log, removed, conflicts, adopted };
}

/** Interfaces that are never imported: each node has its own. */
export function ownInterfaces(config: Pick<HaConfig, "interfaces">): string[] {
  return ["loopback", ...config.interfaces.map(({ name }) => name)];
}

/** Sections that an import would refuse now, a sentence each. Changes nothing. */
export function importConflicts(network: Package, records: NetworkRecords, lans: readonly string[]): string[] {
  return judgeImport(network, records, lans).conflicts;
}

interface Judged {
  readonly accepted: Wanted[];
  readonly conflicts: string[];
  readonly adopted: Sections;
}

function judgeImport(network: Package, records: NetworkRecords, lans: readonly string[]): Judged {
  const own = network.sections.filter((section) => section.get("ns_tag") !== importTag);
  const ownNames = new Map(own.map((section) => [section.name, section]));
  const wanted = wantedSections(records, (name) => ownNames.has(name));
  const isFree = (name: string): boolean =>
    !lans.includes(name) && (ownNames.get(name)?.type ?? "interface") === "interface";
  const taken = new Set(wanted.flatMap(({ name, type }) => (type === "interface" && isFree(name) ? [name] : [])));
  const here = new OwnNetwork(own, taken);
  const judged: Judged & { readonly adopted: Record<string, Sections[string]> } = {
    accepted: [],
    conflicts: records.shared_devices.flatMap((device) => here.missing(device) ?? []),
    adopted: {},
  };
  for (const section of wanted) {
    const before = ownNames.get(section.name);
    if (before !== undefined && !taken.has(section.name)) {
      judged.conflicts.push(
        `The ${section.recordType} network.${section.origin} of the primary was not imported: network.${before.name} is this node's own ${before.type}. Rename one of them.`,
      );
      continue;
    }
    const judgement = here.judge(section);
    if (judgement === "keep") continue;
    if (judgement !== "import") {
      judged.conflicts.push(judgement.conflict);
      continue;
    }
    if (before !== undefined) judged.adopted[section.name] = optionsOf(before);
    judged.accepted.push(section);
  }
  return judged;
}

type Described = Omit<Wanted, "origin">;

/** `isOwn`: this node has a section of that name. Only interfaces are referenced by name; other sections are renamed then. */
function wantedSections(records: NetworkRecords, isOwn: (name: string) => boolean): Wanted[] {
  const devices = records.wan_devices.map(({ type, key, ...options }): Described => {
    // A device section may have the type bonding too; only an interface has a protocol.
    if (type === "bonding" && options["proto"] === "bonding")
      return { name: key, type: "interface", options: disabled(options), recordType: "device" };
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
    Object.entries(sections).map(([name, options]): Described => ({
      name,
      type: "interface",
      options: disabled(options),
      recordType: "interface",
    })),
  );
  const routes = Object.entries(records.routes).map(([name, { type, ...options }]): Described => {
    const own = options["disabled"] === undefined ? {} : { ns_disabled: options["disabled"] };
    const kind = type === "route6" ? "route6" : "route";
    return { name, type: kind, options: { ...options, ...own, disabled: "1", ns_tag: importTag }, recordType: "route" };
  });
  const peers = Object.entries(records.wg_peers).flatMap(([name, { type, ...options }]): Described[] =>
    typeof type === "string" && /^wireguard_\w+$/.test(type)
      ? [{ name, type, options: { ...options, ns_tag: importTag }, recordType: "wg_peer" }]
      : [],
  );
  const vlans = Object.entries(records.bridge_vlans).map(([name, options]): Described => ({
    name,
    type: "bridge-vlan",
    options: { ...options, ns_tag: importTag },
    recordType: "bridge_vlan",
  }));
  return [...devices, ...vlans, ...interfaces, ...routes, ...peers].map((section) => ({
    ...section,
    origin: section.name,
    name: section.type === "interface" ? section.name : nameHere(section.name, isOwn),
  }));
}

/** Generated names of unnamed sections (cfg0a1b2c) may belong to another section on this node, so they are replaced. */
function nameHere(name: string, isOwn: (name: string) => boolean): string {
  return /^cfg[0-9a-f]{6}$/.test(name) || isOwn(name) ? `ha_${name}` : name;
}

/** Sets `auto` 0; keeps the user's value on the primary as `ns_auto`, so that a takeover respects it. */
function disabled(options: Options): Options {
  const own = options["auto"] === undefined ? {} : { ns_auto: options["auto"] };
  return { ...options, ...own, auto: "0", ns_tag: importTag };
}

function same(here: Section, { type, options, recordType }: Wanted): boolean {
  const text = (value: unknown): string => JSON.stringify(value);
  // Ignore `disabled` of a route: it follows the state of this node.
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
