/**
 * Changes to the cluster's configuration, as edits of one UCI transaction. The caller commits.
 * Invariants: each edit is idempotent; options and sections that a user added stay; both nodes get the same edits, so that a
 * synchronised file (dropbear, firewall) is right on both.
 */
import { defaultSyncList } from "../cluster/sync-list.ts";
import type { Section, Transaction } from "@nethsec/host/uci-store";
import { defaultIntervalSeconds, haPaths, mainVipName, sshPort, type Role, type Timing } from "../cluster/config.ts";
import { conntrackdPort } from "../cluster/config.ts";

export interface NodeSetup {
  readonly role: Role;
  readonly primaryAddress: string;
  readonly backupAddress: string;
  /** CIDR. */
  readonly virtualIp: string;
  /** Network section and its device on this node. */
  readonly interfaceName: string;
  readonly device: string;
  /** VRRP password, 8 characters. */
  readonly password: string;
  readonly timing: Timing;
  /** Public halves of the primary's keys; the backup stores them so that a reset can revoke them. */
  readonly publicKeys?: { readonly sync: string; readonly admin: string | undefined };
  /** Where dnsmasq keeps its leases on this node. */
  readonly leaseFile: string;
}

/** Writes everything in the package `keepalived` that makes this node a member. On a node that is a member already it keeps the other VIPs. */
export function setNode(tx: Transaction, setup: NodeSetup): void {
  const before = tx.load("keepalived");
  const fill = (section: string, type: string, options: Readonly<Record<string, string | readonly string[]>>): void => {
    tx.setSection("keepalived", section, type);
    for (const [option, value] of Object.entries(options)) tx.set("keepalived", section, option, value);
  };
  const primary = setup.role === "primary";
  fill("globals", "globals", { enabled: "1", alt_config_file: haPaths.keepalivedConf, ns_timing: setup.timing });
  addAddress(tx, {
    section: `${setup.interfaceName}_ipaddress`,
    name: mainVipName,
    cidr: setup.virtualIp,
    device: setup.device,
    interfaceName: setup.interfaceName,
  });
  addTracking(tx, "lan", setup.interfaceName, setup.device);
  fill("ha_sync", "vrrp_script", {
    name: "ha_sync",
    script: "/etc/keepalived/scripts/ns-rsync.sh",
    interval: before.get("ha_sync", "interval") ?? String(defaultIntervalSeconds),
    weight: "100",
  });
  const track = primary ? "sender" : "receiver";
  fill(`ha_${track}`, "track_script", { name: track, value: "ha_sync", weight: "100" });
  setPeer(tx, setup, before.section("ha_peer"));
  const instance = before.section(setup.role);
  fill(setup.role, "vrrp_instance", {
    name: primary ? "master" : "backup",
    state: primary ? "MASTER" : "BACKUP",
    interface: setup.device,
    virtual_router_id: instance?.get("virtual_router_id") ?? "100",
    priority: instance?.get("priority") ?? (primary ? "100" : "50"),
    advert_int: instance?.get("advert_int") ?? "1",
    nopreempt: instance?.get("nopreempt") ?? "0",
    unicast_src_ip: primary ? setup.primaryAddress : setup.backupAddress,
    unicast_peer: [primary ? "backup" : "master"],
    auth_type: "PASS",
    auth_pass: setup.password,
    virtual_ipaddress: united([mainVipName], instance?.list("virtual_ipaddress")),
    track_interface: united([mainVipName], instance?.list("track_interface")),
    track_script: united([track], instance?.list("track_script")),
  });
}

function setPeer(tx: Transaction, setup: NodeSetup, before: Section | undefined): void {
  const primary = setup.role === "primary";
  const common = {
    name: primary ? "backup" : "master",
    address: primary ? setup.backupAddress : setup.primaryAddress,
    sync: before?.get("sync") ?? "1",
    sync_mode: primary ? "send" : "receive",
    sync_dir: haPaths.stagingDir,
    ssh_port: String(sshPort),
  };
  const own = primary
    ? {
        ssh_key: haPaths.syncKey,
        sync_list: united(defaultSyncList(setup.leaseFile), before?.list("sync_list")),
        exclude_list: united(defaultExcludeList, before?.list("exclude_list")),
      }
    : { ssh_pubkey: setup.publicKeys?.sync ?? "", ssh_admin_pubkey: setup.publicKeys?.admin ?? "" };
  tx.setSection("keepalived", "ha_peer", "peer");
  for (const [option, value] of Object.entries({ ...common, ...own })) tx.set("keepalived", "ha_peer", option, value);
}

const defaultExcludeList = [
  "/etc/config/network",
  "/etc/config/keepalived",
  "/etc/dropbear/authorized_keys",
  "/etc/conntrackd/conntrackd.conf",
  "/etc/dropbear/dropbear_*_host_key",
  haPaths.keysDir,
];

/** `first`, followed by the items of `second` that it lacks. */
function united(first: readonly string[], second: readonly string[] = []): string[] {
  return [...new Set([...first, ...second])];
}

/** A further LAN interface with its virtual address. */
export function addInterface(
  tx: Transaction,
  role: Role,
  added: { name: string; device: string; virtualIp: string },
): void {
  const { name, device, virtualIp } = added;
  const vip = `${name}_ha`;
  addAddress(tx, { section: `${name}_ipaddress`, name: vip, cidr: virtualIp, device, interfaceName: name });
  addTracking(tx, name, name, device);
  listed(tx, role, "virtual_ipaddress", vip);
  listed(tx, role, "track_interface", vip);
}

/** Removes the sections linked to the interface and the VRRP instance's references to it: addresses, VIPs, tracking and virtual routes. */
export function removeInterface(tx: Transaction, role: Role, name: string): void {
  const pkg = tx.load("keepalived");
  const gone = new Set<string>();
  const device = pkg.get(`${name}_ipaddress`, "device");
  for (const section of pkg.sections) {
    const linked = section.get("ns_link") === `network/${name}`;
    const delays = section.name === `${name}_delays` && section.type === "interface_up_down_delays";
    const route =
      section.type === "route" &&
      (section.name === `${name}_route` || (device !== undefined && section.get("device") === device));
    if (!linked && !delays && !route) continue;
    gone.add(section.get("name") ?? section.name);
    tx.delete("keepalived", section.name);
  }
  for (const option of ["virtual_ipaddress", "track_interface", "virtual_routes"]) {
    for (const item of pkg.section(role)?.list(option) ?? [])
      if (gone.has(item)) tx.removeFromList("keepalived", role, option, item);
  }
}

/** Section of an extra VIP: "lan_192_168_100_66_24_ipaddress". */
export function vipSection(interfaceName: string, cidr: string): string {
  return `${vipKey(interfaceName, cidr)}_ipaddress`;
}
function vipKey(interfaceName: string, cidr: string): string {
  return `${interfaceName}_${cidr.replaceAll(/[./]/g, "_")}`;
}

export function addVip(
  tx: Transaction,
  role: Role,
  added: { interfaceName: string; device: string; cidr: string },
): void {
  const name = `${vipKey(added.interfaceName, added.cidr)}_ha`;
  addAddress(tx, { section: vipSection(added.interfaceName, added.cidr), name, ...added });
  listed(tx, role, "virtual_ipaddress", name);
}

export function removeVip(tx: Transaction, role: Role, interfaceName: string, cidr: string): void {
  const key = vipKey(interfaceName, cidr);
  tx.delete("keepalived", `${key}_ipaddress`);
  tx.delete("keepalived", `${key}_route`);
  tx.removeFromList("keepalived", role, "virtual_ipaddress", `${key}_ha`);
  tx.removeFromList("keepalived", role, "virtual_routes", `${key}_route`);
}

export function setTiming(tx: Transaction, timing: Timing): void {
  tx.set("keepalived", "globals", "ns_timing", timing);
}

export function setEnabled(tx: Transaction, enabled: boolean): void {
  tx.set("keepalived", "globals", "enabled", enabled ? "1" : "0");
}

/** An SSH server for the cluster alone: keys only, on the HA interface only. */
export function setDropbear(tx: Transaction, interfaceName: string): void {
  tx.setSection("dropbear", "ha_link", "dropbear");
  const options = { Port: String(sshPort), PasswordAuth: "0", RootPasswordAuth: "0", Interface: interfaceName };
  for (const [option, value] of Object.entries(options)) tx.set("dropbear", "ha_link", option, value);
}

const firewallServices = [
  { key: "vrrp", title: "VRRP", proto: "112", port: undefined },
  { key: "conntrackd", title: "conntrackd", proto: "udp", port: conntrackdPort },
  { key: "ssh", title: "SSH", proto: "tcp", port: sshPort },
] as const;

/**
 * Accepts the cluster's VRRP, conntrackd and SSH only from the two nodes' addresses, in the zone of the HA interface. Both addresses are listed
 * because the file is synchronised: on either node one of them is the peer's, and no packet arrives from the node's own address. Without a zone
 * for the interface nothing is changed.
 */
export function setFirewall(tx: Transaction, interfaceName: string, addresses: readonly string[]): void {
  const zones = tx.load("firewall").ofType("zone");
  const zone = zones.find((found) => found.list("network").includes(interfaceName))?.get("name");
  if (zone === undefined) return;
  for (const { key, title, proto, port } of firewallServices) {
    const common = { proto, family: "ipv4", ...(port === undefined ? {} : { dest_port: String(port) }) };
    rule(tx, `ns_ha_${key}`, { name: `HA-${title}`, src: zone, src_ip: [...addresses], ...common, target: "ACCEPT" });
    rule(tx, `ns_ha_${key}_others`, { name: `HA-${title}-others`, src: "*", ...common, target: "DROP" });
  }
}

function rule(tx: Transaction, section: string, options: Readonly<Record<string, string | readonly string[]>>): void {
  tx.setSection("firewall", section, "rule");
  for (const [option, value] of Object.entries(options)) tx.set("firewall", section, option, value);
}

/** Removes the cluster from UCI: resets keepalived's package to its state after installation, and deletes our sections in other packages. */
export function removeNode(tx: Transaction): void {
  for (const section of tx.load("keepalived").sections) tx.delete("keepalived", section.name);
  tx.setSection("keepalived", "globals", "globals");
  tx.delete("dropbear", "ha_link");
  for (const { key } of firewallServices) {
    tx.delete("firewall", `ns_ha_${key}`);
    tx.delete("firewall", `ns_ha_${key}_others`);
  }
}

interface Address {
  readonly section: string;
  readonly name: string;
  readonly cidr: string;
  readonly device: string;
  readonly interfaceName: string;
}

function addAddress(tx: Transaction, added: Address): void {
  tx.setSection("keepalived", added.section, "ipaddress");
  const options = {
    name: added.name,
    address: added.cidr,
    device: added.device,
    label_suffix: "ha",
    ns_link: `network/${added.interfaceName}`,
  };
  for (const [option, value] of Object.entries(options)) tx.set("keepalived", added.section, option, value);
}

function addTracking(tx: Transaction, prefix: string, interfaceName: string, device: string): void {
  const name = prefix === "lan" ? mainVipName : `${prefix}_ha`;
  const fill = (section: string, type: string, options: Readonly<Record<string, string>>): void => {
    tx.setSection("keepalived", section, type);
    for (const [option, value] of Object.entries(options)) tx.set("keepalived", section, option, value);
  };
  fill(`${prefix}_track`, "track_interface", {
    name,
    value: device,
    weight: "100",
    ns_link: `network/${interfaceName}`,
  });
  fill(`${prefix}_delays`, "interface_up_down_delays", { device, up_delay: "1", down_delay: "1" });
}

/** Adds an item to a list unless it is in it already. */
function listed(tx: Transaction, role: Role, option: string, item: string): void {
  if (!(tx.load("keepalived").section(role)?.list(option) ?? []).includes(item))
    tx.addList("keepalived", role, option, item);
}
