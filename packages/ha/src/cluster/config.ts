/**
 * The cluster's configuration: UCI package `keepalived` ↔ {@link HaConfig}. Reading is pure; nothing here changes anything.
 * Uses the sections of existing clusters (contract ns-ha 3), so that these can move to this implementation unchanged.
 * Invariant: `readHaConfig` returns a complete value, or undefined when this node belongs to no cluster, or throws; never an incomplete one.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Package, Section, UciStore } from "@nethsec/host/uci-store";

export type Role = "primary" | "backup";
export type Timing = "classic" | "fast";

export interface HaConfig {
  readonly role: Role;
  /** keepalived.globals.enabled: false keeps keepalived stopped on this node. */
  readonly enabled: boolean;
  readonly timing: Timing;
  readonly debug: boolean;
  /** The interface that VRRP, connection tracking and the synchronisation use: network section and device, e.g. lan, br-lan. */
  readonly haInterface: { readonly name: string; readonly device: string };
  /** This node's own static address on the HA interface. */
  readonly nodeAddress: string;
  /** The other node. */
  readonly peer: { readonly address: string; readonly sshPort: number };
  /** Name of the VRRP instance in keepalived's FIFO and JSON: "master" on the primary, "backup" on the backup. */
  readonly instance: string;
  /**
   * Interfaces with their virtual address, the HA interface first. keepalived sets all of them when it becomes master, but monitors only that of
   * the HA interface. The agent restores an address of another interface whose device was made later, or that was deleted.
   */
  readonly interfaces: readonly HaInterface[];
  /** Extra virtual addresses made by `add-vip`. */
  readonly aliases: readonly HaAlias[];
  readonly sync: SyncSettings;
}

export interface HaInterface {
  /** Network section, e.g. "lan". */
  readonly name: string;
  readonly device: string;
  /** CIDR, e.g. "192.168.100.240/24". */
  readonly virtualIp: string;
  /** UCI section of type ipaddress, e.g. "lan_ipaddress". */
  readonly section: string;
}

/** The same fields; `section` is e.g. "lan_192_168_100_66_24_ipaddress". */
export type HaAlias = HaInterface;

export interface SyncSettings {
  /** keepalived.ha_peer.sync: false stops the synchronisation only. */
  readonly enabled: boolean;
  /** Seconds between periodic synchronisations (the safety net). */
  readonly intervalSeconds: number;
  /** Paths besides those of `sysupgrade -l`. */
  readonly list: readonly string[];
  readonly exclude: readonly string[];
  /** Staging folder on the backup. */
  readonly stagingDir: string;
  /** Private key for the synchronisation (primary). */
  readonly keyPath: string;
  /** Public half, as the primary gave it at initialisation (backup only). */
  readonly publicKey: string | undefined;
}

export const haPaths = {
  /** The active configuration of keepalived; its init script links /tmp/keepalived.conf to it (globals.alt_config_file). */
  keepalivedConf: "/var/run/ns-ha/keepalived.conf",
  /** `/tmp/keepalived.conf`, the name given in the documentation. */
  keepalivedLink: "/tmp/keepalived.conf",
  /** keepalived writes each transition here; the agent keeps it open for reading and writing. */
  notifyFifo: "/var/run/ns-ha/notify.fifo",
  /** keepalived tracks this file (track_file): `switch` writes -254 to hand over (keepalived: FAULT, within its skew time), 0 to be as before. */
  priorityFile: "/var/run/ns-ha/priority",
  /** Status socket of the agent. */
  agentSocket: "/var/run/ns-ha/agent.sock",
  conntrackdConf: "/etc/conntrackd/conntrackd.conf",
  /** Rules of the link between the nodes, which fw4 takes into its chains `input` and `output`. */
  linkRulesIn: "/usr/share/nftables.d/chain-pre/input/20-ns-ha.nft",
  linkRulesOut: "/usr/share/nftables.d/chain-pre/output/20-ns-ha.nft",
  keysDir: "/etc/keepalived/keys",
  /** For the synchronisation: on the backup it can only run `ns-ha sync-receive`. */
  syncKey: "/etc/keepalived/keys/id_rsa",
  /** For the administrator: `ssh-remote`, and the actions that change both nodes. */
  adminKey: "/etc/keepalived/keys/id_admin",
  /** HOME of every SSH client of the cluster: holds .ssh/known_hosts with the pinned key of the peer. */
  sshHome: "/etc/keepalived/keys",
  knownHosts: "/etc/keepalived/keys/.ssh/known_hosts",
  stagingDir: "/usr/share/keepalived/rsync",
  exportDir: "/etc/ha",
} as const;

export const sshPort = 65022;
export const conntrackdPort = 3780;

/** keepalived's own name for "the cluster's first interface": its VIP is called lan_ha whatever the interface is called. */
export const mainVipName = "lan_ha";

/** undefined: this node belongs to no cluster. Throws `ha_config_invalid`, naming the option that is missing or wrong. */
export function readHaConfig(uci: Pick<UciStore, "load">): HaConfig | undefined {
  const pkg = uci.load("keepalived");
  if (pkg === undefined) return undefined;
  const instance = pkg.section("primary") ?? pkg.section("backup");
  if (instance === undefined || instance.type !== "vrrp_instance") return undefined;
  const role: Role = instance.name === "primary" ? "primary" : "backup";
  const globals = pkg.section("globals");
  const peer = pkg.section("ha_peer");
  const interfaces = readInterfaces(pkg);
  const main = interfaces[0];
  if (main === undefined) throw invalid("there is no section of type ipaddress with the name lan_ha");
  return {
    role,
    enabled: globals?.bool("enabled", true) ?? true,
    timing: globals?.get("ns_timing") === "fast" ? "fast" : "classic",
    debug: instance.bool("debug", false),
    haInterface: { name: main.name, device: instance.get("interface") ?? main.device },
    nodeAddress: required(instance, "unicast_src_ip"),
    peer: { address: required(peer ?? "ha_peer", "address"), sshPort: peer?.int("ssh_port", sshPort) ?? sshPort },
    instance: instance.get("name") ?? (role === "primary" ? "master" : "backup"),
    interfaces,
    aliases: readAliases(pkg),
    sync: readSync(pkg, peer),
  };
}

function readSync(pkg: Package, peer: Section | undefined): SyncSettings {
  return {
    enabled: peer?.bool("sync", true) ?? true,
    intervalSeconds: Math.max(
      1,
      pkg.section("ha_sync")?.int("interval", defaultIntervalSeconds) ?? defaultIntervalSeconds,
    ),
    list: peer?.list("sync_list") ?? [],
    exclude: peer?.list("exclude_list") ?? [],
    stagingDir: peer?.get("sync_dir") ?? haPaths.stagingDir,
    keyPath: peer?.get("ssh_key") ?? haPaths.syncKey,
    publicKey: peer?.get("ssh_pubkey"),
  };
}

/** "The first synchronization will take up to 10 minutes": the period of the safety net, in seconds. */
export const defaultIntervalSeconds = 600;

const aliasSection = /^.+_\d+_\d+_\d+_\d+_\d+_ipaddress$/;

function readInterfaces(pkg: Package): HaInterface[] {
  const found = addresses(pkg).filter(({ section }) => !aliasSection.test(section.name));
  const main = found.filter(({ section }) => section.get("name") === mainVipName);
  const others = found.filter(({ section }) => section.get("name") !== mainVipName);
  return [...main, ...others].map(({ value }) => value);
}

function readAliases(pkg: Package): HaAlias[] {
  return addresses(pkg).flatMap(({ section, value }) => (aliasSection.test(section.name) ? [value] : []));
}

/** Sections of type ipaddress that this project made: those with a link to a network section, which a user's own sections lack. */
function addresses(pkg: Package): { section: Section; value: HaInterface }[] {
  return pkg.ofType("ipaddress").flatMap((section) => {
    const link = /^network\/(.+)$/.exec(section.get("ns_link") ?? "")?.[1];
    if (link === undefined) return [];
    const value = {
      name: link,
      device: required(section, "device"),
      virtualIp: required(section, "address"),
      section: section.name,
    };
    return [{ section, value }];
  });
}

function required(section: Section | string, option: string): string {
  const value = typeof section === "string" ? undefined : section.get(option);
  if (value !== undefined && value !== "") return value;
  throw invalid(`keepalived.${typeof section === "string" ? section : section.name}.${option} is missing`);
}

function invalid(what: string): NethsecError {
  return new NethsecError({
    code: "ha_config_invalid",
    message: `The configuration of the cluster in /etc/config/keepalived is not complete: ${what}.`,
    advice: "Set it with uci, or run `ns-ha-config reset` and initialise the cluster again.",
  });
}
