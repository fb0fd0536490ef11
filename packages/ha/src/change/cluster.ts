/**
 * The actions that change the cluster, as `ns-ha-config` and the rpcd plugin both offer them: on the primary, for both nodes.
 * Invariant: nothing is changed before this node is known to be the primary and the arguments have been validated.
 */
import type { Host } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";
import { agentClient } from "../cluster/agent-client.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";
import { notConfigured } from "../cluster/ha-error.ts";
import { onPrimary } from "../cluster/on-primary.ts";
import { interrupted, journalPath, readJournal } from "../cluster/journal.ts";
import { publicKey } from "../ssh/keys.ts";
import * as node from "./node-changes.ts";
import { changePair, primaryThenBackup } from "./pair.ts";
import { callPeer, type PeerMethod, reachPeer } from "./peer.ts";
import { hasTraces, resetNode } from "./reset-node.ts";

export type ClusterHost = node.NodeHost & Pick<Host, "clock">;

/** Runs the change here, then the same one on the backup through its rpcd plugin. */
async function both(
  host: ClusterHost,
  action: string,
  here: (again: boolean) => Promise<unknown>,
  remote: { readonly method: PeerMethod; readonly args: object },
): Promise<void> {
  const config = onPrimary(host, action);
  const there = (): Promise<unknown> => callPeer(host, config, remote.method, { role: "backup", ...remote.args });
  await reachPeer(host, config);
  await changePair(host, primaryThenBackup(host, action, here, there));
}

/** Adds a LAN interface; returns its name on this node. */
export async function addLanInterface(host: ClusterHost, added: node.AddInterface): Promise<void> {
  const { primaryAddress, backupAddress, virtualIp } = added;
  const action = `add-lan-interface ${primaryAddress} ${backupAddress} ${virtualIp}`;
  const args = { primary_node_ip: primaryAddress, backup_node_ip: backupAddress, virtual_ip: virtualIp };
  await both(host, action, () => node.addInterface(host, added), { method: "add-lan-interface", args });
}

export async function removeInterface(host: ClusterHost, name: string): Promise<void> {
  const here = (again: boolean): Promise<void> => node.removeInterface(host, name, again);
  await both(host, `remove-interface ${name}`, here, { method: "remove-interface", args: { interface: name } });
}

export async function addVip(host: ClusterHost, name: string, cidr: string): Promise<void> {
  const here = (): Promise<void> => node.addVip(host, name, cidr);
  await both(host, `add-vip ${name} ${cidr}`, here, { method: "add-vip", args: { interface: name, virtual_ip: cidr } });
}

export async function removeVip(host: ClusterHost, name: string, cidr: string): Promise<void> {
  const here = (again: boolean): Promise<void> => node.removeVip(host, name, cidr, again);
  await both(host, `remove-vip ${name} ${cidr}`, here, {
    method: "remove-vip",
    args: { interface: name, virtual_ip: cidr },
  });
}

/** Enables the primary first: otherwise the backup would take over for a moment. */
export async function enable(host: ClusterHost): Promise<void> {
  await both(host, "enable", () => node.setEnabled(host, true), { method: "enable", args: {} });
}

/** Disables the backup first: otherwise it would take over. */
export async function disable(host: ClusterHost): Promise<void> {
  const config = onPrimary(host, "disable");
  await reachPeer(host, config);
  await changePair(host, {
    action: "disable",
    first: () => callPeer(host, config, "disable", { role: "backup" }),
    second: () => node.setEnabled(host, false),
    undoFirst: () => callPeer(host, config, "enable", { role: "backup" }),
  });
}

/**
 * Both nodes leave the cluster, the backup first, because the keys to reach it go with this node's configuration.
 * `force`: this node only, whichever role it has, for when the other one does not answer or is gone for good. A backup that is master then
 * becomes the successor: it keeps the WAN, VPNs and routes that it has up.
 */
export async function reset(host: ClusterHost, force: boolean, extraKey?: string): Promise<{ successor: boolean }> {
  if (force) {
    const role = readHaConfig(host.uci)?.role;
    if (role === undefined && !hasTraces(host)) throw notConfigured();
    // Only a backup that is master keeps the WAN: two nodes with the same WAN address would be worse than none.
    const agent = agentClient(host.files.real(haPaths.agentSocket));
    const successor = role === "backup" && (await agent.status())?.state === "master";
    await resetNode(host, { ...(extraKey === undefined ? {} : { extraKey }), successor });
    return { successor };
  }
  const config = onPrimary(host, "reset");
  await reachPeer(host, config).catch(unreachable);
  const journal = readJournal(host);
  // Resetting the whole cluster makes any other interrupted change obsolete.
  if (journal !== undefined && journal.action !== "reset") host.files.remove(journalPath);
  const pubkey = host.files.exists(haPaths.syncKey) ? await publicKey(host, haPaths.syncKey) : "";
  await changePair(host, {
    action: "reset",
    first: () => callPeer(host, config, "reset", { role: "backup", pubkey }).catch(unreachable),
    second: () => resetNode(host),
    // The reset backup no longer accepts our key, so it cannot be undone; the user has to run reset again.
    undoFirst: () => Promise.reject(interrupted({ action: "reset", startedAt: 0, firstDone: true })),
  });
  return { successor: false };
}

function unreachable(error: unknown): never {
  if (!(error instanceof NethsecError)) throw error;
  throw new NethsecError({
    code: error.code,
    message: error.message,
    advice:
      "If that node is gone for good: ns-ha-config reset --force resets this node only; on the other one run the same later.",
    cause: error,
  });
}
