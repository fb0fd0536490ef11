/** `check-primary-node` and `check-backup-node`: nothing is changed, every problem is listed. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import { notOnBackup } from "../cluster/on-primary.ts";
import { ipv4ToNumber } from "../cluster/ipv4.ts";
import { wanTroubles } from "../cluster/following-interfaces.ts";
import { interfaceWithAddress } from "../cluster/network-config.ts";
import { fingerprint } from "../ssh/known-hosts.ts";
import { checkBackup } from "../change/remote-actions.ts";
import { checkRequirements } from "../cluster/requirements.ts";
import { argument, failWith, progress, readPassword, succeed } from "./answer.ts";

export async function checkPrimaryNode(call: Call): Promise<number> {
  const interfaceName = argument(call, "lan_interface");
  notOnBackup(call.host, `check-primary-node ${interfaceName}`);
  const problems = await checkRequirements(call.host, { role: "primary", interfaceName });
  if (problems.length > 0) return failWith(call, "The primary node does not meet the requirements:", problems);
  const notes = wanTroubles(call.host.uci, [interfaceName]).map(({ text }) => text);
  return succeed(
    call,
    ["The primary node meets the requirements.", ...notes.map((note) => `Warning: ${note}`)],
    notes.length === 0 ? {} : { warnings: notes },
  );
}

export async function checkBackupNode(call: Call): Promise<number> {
  const [address, interfaceName] = [argument(call, "backup_node_ip"), argument(call, "lan_interface")];
  notOnBackup(call.host, `check-backup-node ${address} ${interfaceName}`);
  if (ipv4ToNumber(address) === undefined) throw new UsageError(`"${address}" is no IPv4 address`);
  if (interfaceWithAddress(call.host.uci.read("network"), address) !== undefined)
    throw new UsageError(`${address} is this node's own address: give the backup node's`);
  const password = await readPassword(call, address);
  progress(call, `Connecting to ${address}…`);
  const { errors, hostKey, pinnedNow } = await checkBackup(call.host, address, password, interfaceName);
  const key = `${fingerprint(hostKey)} (${hostKey.algorithm})`;
  if (errors.length > 0) return failWith(call, `The backup node ${address} does not meet the requirements:`, errors);
  const pinned = pinnedNow
    ? `The SSH host key of ${address} was pinned: ${key}`
    : `The SSH host key of ${address} is the pinned one: ${key}`;
  return succeed(call, ["The backup node meets the requirements.", pinned], { host_key: key, pinned_now: pinnedNow });
}
