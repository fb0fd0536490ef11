/**
 * This node's half of every action that changes the cluster, the same code on both nodes: the primary runs it here and, through the rpcd
 * plugin over SSH, on the backup. Invariants: checked before anything changes; all or nothing on this node; running it again completes it.
 */
import { markBackupPending } from "../cluster/backup-pending.ts";
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import { ValidationError } from "@nethsec/host/rpcd";
import type { Transaction } from "@nethsec/host/uci-store";
import { promiseToCarry } from "../cluster/carrying.ts";
import { applyNode } from "../keepalived/apply-node.ts";
import { checkInterface, checkVirtualIp, type Problem } from "../cluster/checks.ts";
import { mainVipName, readHaConfig, type HaConfig, type Role, type Timing } from "../cluster/config.ts";
import * as edit from "./edit-config.ts";
import { notConfigured } from "../cluster/ha-error.ts";
import { authorizeKeys, ensureKeys, withoutComment } from "../ssh/keys.ts";
import { configuredInterfaces, interfaceWithAddress, type ConfiguredInterface } from "../cluster/network-config.ts";
import { checkRequirements } from "../cluster/requirements.ts";
import { configurationFiles, recoverChange, withRollback } from "./rollback.ts";

export type NodeHost = Pick<Host, "uci" | "files" | "run" | "services" | "net" | "random" | "cron" | "log" | "clock">;

export interface InitNode {
  readonly role: Role;
  readonly primaryAddress: string;
  readonly backupAddress: string;
  /** CIDR. */
  readonly virtualIp: string;
  readonly interfaceName: string;
  /** Sent to the backup by the primary. */
  readonly publicKeys?: { readonly sync: string; readonly admin: string | undefined };
  readonly password?: string;
  readonly timing?: Timing;
  /** Further interfaces and VIPs, when a backup is initialised for an existing cluster. */
  readonly interfaces?: readonly { readonly name: string; readonly virtualIp: string }[];
  readonly aliases?: readonly { readonly name: string; readonly virtualIp: string }[];
}

/** Makes this node a member. Throws {@link ValidationError} with every problem. */
export async function initNode(host: NodeHost, init: InitNode): Promise<void> {
  const network = host.uci.read("network");
  const own = init.role === "primary" ? init.primaryAddress : init.backupAddress;
  const onInterface = interfaceWithAddress(network, own);
  const problems = [...checkOwnAddress(init, own, onInterface), ...checkMembership(init, readHaConfig(host.uci))];
  problems.push(...(init.role === "primary" ? await checkPrimary(host, init) : checkBackup(host, init, onInterface)));
  refuse(problems);
  const device = onInterface?.device ?? "";
  const first = readHaConfig(host.uci) === undefined;
  await changeNode(host, async () => {
    if (init.role === "primary") await ensureKeys(host);
    // Read before the transaction, which locks the packages that it changes.
    const setup: edit.NodeSetup = {
      role: init.role,
      primaryAddress: init.primaryAddress,
      backupAddress: init.backupAddress,
      virtualIp: init.virtualIp,
      interfaceName: init.interfaceName,
      device,
      password: init.password ?? host.uci.read("keepalived").get(init.role, "auth_pass") ?? host.random.text(8),
      timing: init.timing ?? readHaConfig(host.uci)?.timing ?? "classic",
      leaseFile: host.uci.read("dhcp").get("ns_dnsmasq", "leasefile") ?? "/tmp/dhcp.leases",
      ...(init.publicKeys === undefined ? {} : { publicKeys: init.publicKeys }),
    };
    host.uci.change((tx) => {
      edit.setNode(tx, setup);
      edit.setDropbear(tx, init.interfaceName);
      edit.setFirewall(tx, init.interfaceName, [init.primaryAddress, init.backupAddress]);
      addFurther(tx, init, configuredInterfaces(network));
    });
    if (init.publicKeys !== undefined) authorizeKeys(host.files, init.publicKeys);
    if (init.role === "primary" && first) markBackupPending(host);
  });
}

function addFurther(tx: Transaction, init: InitNode, here: readonly ConfiguredInterface[]): void {
  const deviceOf = (name: string): string => here.find((known) => known.name === name)?.device ?? "";
  for (const { name, virtualIp } of init.interfaces ?? [])
    edit.addInterface(tx, init.role, { name, virtualIp, device: deviceOf(name) });
  for (const { name, virtualIp } of init.aliases ?? []) {
    edit.addVip(tx, init.role, { interfaceName: name, cidr: virtualIp, device: deviceOf(name) });
  }
}

/** A node belongs to one cluster. Initialising it again in the same role and on the same interface is allowed: that completes an interrupted run. */
function checkMembership(init: InitNode, config: HaConfig | undefined): Problem[] {
  if (config === undefined) return [];
  if (config.role !== init.role) {
    const message = `This node is the ${config.role} of a cluster with ${config.peer.address} already: run ns-ha-config reset there first.`;
    return [{ code: "node_has_another_role", message, parameter: "role", value: init.role }];
  }
  const { name } = config.haInterface;
  if (name === init.interfaceName) return [];
  const anew = `ns-ha-config reset${init.role === "backup" ? " --force on that node" : ""}`;
  const message = `The cluster of this node is on ${name}: a further LAN is added by ns-ha-config add-lan-interface; to begin anew on ${init.interfaceName}: ${anew}.`;
  return [{ code: "cluster_on_another_interface", message, parameter: "lan_interface", value: init.interfaceName }];
}

function checkOwnAddress(init: InitNode, own: string, found: ConfiguredInterface | undefined): Problem[] {
  const about = { parameter: `${init.role}_node_ip`, value: own };
  if (init.primaryAddress === init.backupAddress) {
    return [{ ...about, code: "node_addresses_are_equal", message: `Both nodes cannot have the address ${own}.` }];
  }
  return checkStatic(about, found, init.interfaceName);
}

/** `wanted` undefined: any interface is accepted. */
function checkStatic(
  about: Pick<Problem, "parameter" | "value">,
  found: ConfiguredInterface | undefined,
  wanted?: string,
): Problem[] {
  if (found === undefined || (wanted !== undefined && found.name !== wanted)) {
    const where = found === undefined ? "on no interface of this node" : `on ${found.name}, not on ${wanted}`;
    return [
      {
        ...about,
        code: "no_interface_with_static_ip_found",
        message: `The static address ${about.value} is ${where}.`,
      },
    ];
  }
  if (found.device !== undefined) return [];
  return [{ ...about, code: "no_device_with_static_ip_found", message: `The interface ${found.name} has no device.` }];
}

async function checkPrimary(host: NodeHost, init: InitNode): Promise<Problem[]> {
  const wanted = {
    role: init.role,
    interfaceName: init.interfaceName,
    virtualIp: init.virtualIp,
    otherAddresses: [init.backupAddress],
  };
  const problems = await checkRequirements(host, wanted);
  const onInterface = configuredInterfaces(host.uci.read("network")).find(({ name }) => name === init.interfaceName);
  return [...problems, ...checkPeerAddress(onInterface, "backup_node_ip", init.backupAddress)];
}

function checkPeerAddress(onInterface: ConfiguredInterface | undefined, parameter: string, address: string): Problem[] {
  if (onInterface === undefined) return [];
  // The peer must be in the same network, or its VRRP packets never arrive. The checks of a virtual address fit a node's address as well.
  const prefix = onInterface.addresses[0]?.prefix ?? 24;
  return checkVirtualIp(`${address}/${prefix}`, onInterface, []).map((problem) => ({
    ...problem,
    parameter,
    value: address,
    code: problem.code.replace("virtual_ip", "node_address"),
  }));
}

/** No ARP probe for the virtual address on the backup (the master has it), and no DHCP check (no DHCP server runs there). */
function checkBackup(host: NodeHost, init: InitNode, onInterface: ConfiguredInterface | undefined): Problem[] {
  const network = host.uci.read("network");
  const problems = checkInterface(network, init.interfaceName);
  if (onInterface !== undefined)
    problems.push(...checkVirtualIp(init.virtualIp, onInterface, [init.primaryAddress, init.backupAddress]));
  for (const { name } of init.interfaces ?? []) problems.push(...checkInterface(network, name));
  if (withoutComment(init.publicKeys?.sync ?? "") === undefined) {
    problems.push({
      code: "missing_pubkey",
      message: "The primary gave no public key.",
      parameter: "pubkey",
      value: "",
    });
  }
  if ((init.password ?? "") === "") {
    problems.push({
      code: "missing_password",
      message: "The primary gave no VRRP password.",
      parameter: "password",
      value: "",
    });
  }
  return problems;
}

export interface AddInterface {
  readonly primaryAddress: string;
  readonly backupAddress: string;
  readonly virtualIp: string;
}

/** Returns the name of the added interface. */
export async function addInterface(host: NodeHost, added: AddInterface): Promise<string> {
  const config = member(host);
  const own = config.role === "primary" ? added.primaryAddress : added.backupAddress;
  const found = interfaceWithAddress(host.uci.read("network"), own);
  const problems = checkStatic({ parameter: `${config.role}_node_ip`, value: own }, found);
  if (found !== undefined) problems.push(...(await checkAdded(host, config, found, added)));
  refuse(problems);
  const { name, device } = found ?? {};
  if (name === undefined || device === undefined) throw new Error("an interface without a device passed the checks");
  await changeNode(host, async () => {
    host.uci.change((tx) => edit.addInterface(tx, config.role, { name, device, virtualIp: added.virtualIp }));
  });
  return name;
}

async function checkAdded(
  host: NodeHost,
  config: HaConfig,
  found: ConfiguredInterface,
  added: AddInterface,
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const about = { parameter: "virtual_ip", value: added.virtualIp };
  const main = config.interfaces[0]?.name;
  if (found.name === main) {
    const message = `${found.name} is the HA interface, which has its virtual address already: an extra one is added by ns-ha-config add-vip ${found.name} ${added.virtualIp}.`;
    problems.push({ ...about, code: "interface_is_the_ha_interface", message });
  } else if (`${found.name}_ha` === mainVipName) {
    problems.push({
      ...about,
      code: "interface_name_reserved",
      message: `The name ${found.name} is kept for the HA interface: rename the interface.`,
    });
  }
  const otherNode = config.role === "primary" ? added.backupAddress : added.primaryAddress;
  if (config.role === "backup") {
    problems.push(...checkInterface(host.uci.read("network"), found.name));
    return [...problems, ...checkVirtualIp(added.virtualIp, found, [added.primaryAddress, added.backupAddress])];
  }
  const wanted = {
    role: config.role,
    interfaceName: found.name,
    virtualIp: added.virtualIp,
    otherAddresses: [otherNode],
    dhcpForce: true,
  };
  problems.push(...(await checkRequirements(host, wanted)), ...checkPeerAddress(found, "backup_node_ip", otherNode));
  return problems;
}

/**
 * Removes the interface from the cluster. As documented, the primary's interface takes the virtual address as its own, so that its clients
 * keep their gateway; on the backup, which cannot have the same address, the interface is deleted.
 * `again`: completes an interrupted removal, so an interface that is gone already is no error.
 */
export async function removeInterface(host: NodeHost, name: string, again: boolean): Promise<void> {
  const config = member(host);
  const removed = config.interfaces.find((known) => known.name === name);
  if (removed === undefined && again) return;
  if (removed === undefined) refuse([notInCluster(config, name)]);
  if (removed === config.interfaces[0]) {
    const message = `${name} is the HA interface: without it there is no cluster. To give up the cluster: ns-ha-config reset.`;
    refuse([{ code: "interface_is_the_ha_interface", message, parameter: "interface", value: name }]);
  }
  await changeNode(host, async () => {
    host.uci.change((tx) => {
      edit.removeInterface(tx, config.role, name);
      if (config.role === "backup") tx.delete("network", name);
      else if (removed !== undefined) moveAddress(tx, name, removed.virtualIp);
    });
  });
}

/** Replaces the first static address, in the notation in use (CIDR, list, or with a netmask). */
function moveAddress(tx: Transaction, name: string, virtualIp: string): void {
  const section = tx.load("network").section(name);
  const [first = "", ...others] = section?.list("ipaddr") ?? [];
  const address = first.includes("/") ? virtualIp : (virtualIp.split("/")[0] ?? virtualIp);
  const isList = typeof section?.raw("ipaddr") === "object";
  tx.set("network", name, "ipaddr", isList ? [address, ...others] : address);
}

export async function addVip(host: NodeHost, name: string, cidr: string): Promise<void> {
  const config = member(host);
  const known = config.interfaces.find((found) => found.name === name);
  if (known === undefined) refuse([notInCluster(config, name)]);
  const onInterface = configuredInterfaces(host.uci.read("network")).find((found) => found.name === name);
  const main = config.interfaces.find(({ virtualIp }) => virtualIp.split("/")[0] === cidr.split("/")[0]);
  if (main !== undefined) {
    const message = `${cidr} is the virtual address of ${main.name} already.`;
    refuse([{ code: "virtual_ip_already_configured", message, parameter: "virtual_ip", value: cidr }]);
  }
  const nodes = [config.nodeAddress, config.peer.address];
  refuse(
    config.role === "primary"
      ? await checkAddressHere(host, name, cidr, nodes)
      : checkVirtualIp(cidr, onInterface, nodes),
  );
  await changeNode(host, async () => {
    host.uci.change((tx) => edit.addVip(tx, config.role, { interfaceName: name, device: known?.device ?? "", cidr }));
  });
}

/** Skips the checks of the DHCP options: the server announces the interface's main virtual address, never an extra one. */
async function checkAddressHere(
  host: NodeHost,
  name: string,
  cidr: string,
  nodes: readonly string[],
): Promise<Problem[]> {
  const wanted = { role: "primary" as const, interfaceName: name, virtualIp: cidr, otherAddresses: nodes };
  return (await checkRequirements(host, wanted)).filter(({ code }) => !code.startsWith("dhcp_"));
}

export async function removeVip(host: NodeHost, name: string, cidr: string, again: boolean): Promise<void> {
  const config = member(host);
  if (!config.interfaces.some((found) => found.name === name)) refuse([notInCluster(config, name)]);
  const alias = config.aliases.find((found) => found.name === name && found.virtualIp === cidr);
  if (alias === undefined && again) return;
  if (alias === undefined) {
    const there = config.aliases.map((found) => `${found.name} ${found.virtualIp}`);
    const message = `${name} has no extra virtual address ${cidr}; ${there.length === 0 ? "there is none" : `there are: ${there.join(", ")}`}.`;
    refuse([{ code: "vip_not_found", message, parameter: "virtual_ip", value: cidr }]);
  }
  await changeNode(host, async () => {
    host.uci.change((tx) => edit.removeVip(tx, config.role, name, cidr));
  });
}

export async function setEnabled(host: NodeHost, enabled: boolean): Promise<void> {
  member(host);
  await changeNode(host, async () => {
    host.uci.change((tx) => edit.setEnabled(tx, enabled));
  });
}

/** Commits the change and applies it; when either fails, restores this node's previous configuration. */
export async function changeNode(host: NodeHost, change: () => Promise<void>): Promise<void> {
  const work = async (): Promise<void> => {
    await promiseToCarry(host);
    await change();
    await applyNode(host);
  };
  await withRollback(host.files, configurationFiles, work, () => applyNode(host));
}

/** Rolls back a change of this node whose process was killed, if there is one. Never throws. */
export async function recoverNode(host: NodeHost): Promise<boolean> {
  try {
    const recovered = await recoverChange(host.files, () => applyNode(host));
    if (recovered) host.log("warning", "a change of the cluster was cut off on this node: it was undone");
    return recovered;
  } catch (error) {
    host.log("err", `a change of the cluster that was cut off cannot be undone: ${messageOf(error)}`);
    return false;
  }
}

/** This node's configuration; throws `ha_not_configured`. */
export function member(host: Pick<Host, "uci">): HaConfig {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  return config;
}

function notInCluster(config: HaConfig, name: string): Problem {
  const known = config.interfaces.map((found) => found.name).join(", ");
  const message = `The interface ${name} is not configured for HA; configured are: ${known}.`;
  return { code: "interface_not_configured_for_ha", message, parameter: "interface", value: name };
}

/** Throws when there is a problem. */
export function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new RequirementsError(problems);
}

/** Every problem found, with the web interface's error code and a sentence each. */
export class RequirementsError extends ValidationError {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(
      problems.map(({ parameter, value, code, message }) => ({
        text: message,
        parameter,
        value,
        message: code,
      })),
    );
    this.problems = problems;
    this.message = problems.map(({ message }) => message).join("\n");
  }
}
