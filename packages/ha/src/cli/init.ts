/** `init-primary-node` and `init-backup-node`. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import { notOnBackup, onPrimary } from "../cluster/on-primary.ts";
import { cidrFault, ipv4ToNumber } from "../cluster/ipv4.ts";
import { initNode } from "../change/node-changes.ts";
import { initBackup } from "../change/remote-actions.ts";
import { argument, progress, readPassword, succeed } from "./answer.ts";
import { listing } from "./problems.ts";

export async function initPrimaryNode(call: Call): Promise<number> {
  const words = ["primary_node_ip", "backup_node_ip", "virtual_ip", "lan_interface"].map((name) =>
    argument(call, name),
  );
  const [primaryAddress = "", backupAddress = "", virtualIp = "", interfaceName = ""] = words;
  notOnBackup(call.host, `init-primary-node ${words.join(" ")}`);
  for (const address of [primaryAddress, backupAddress]) {
    if (ipv4ToNumber(address) === undefined) throw new UsageError(`"${address}" is no IPv4 address`);
  }
  checkCidr(virtualIp);
  progress(call, "Configuring the primary node…");
  const init = { role: "primary", primaryAddress, backupAddress, virtualIp, interfaceName } as const;
  await listing("The primary node was not configured:", () => initNode(call.host, init));
  const next = `Next: ns-ha-config init-backup-node ${interfaceName}`;
  return succeed(call, [`The primary node is configured; the virtual IP is ${virtualIp} on ${interfaceName}.`, next]);
}

export async function initBackupNode(call: Call): Promise<number> {
  const interfaceName = argument(call, "lan_interface");
  const { peer } = onPrimary(call.host, `init-backup-node ${interfaceName}`);
  const password = await readPassword(call, peer.address);
  progress(call, `Configuring the backup node ${peer.address}…`);
  const { fingerprint, pinnedNow } = await initBackup(call.host, password, interfaceName);
  const pinned = pinnedNow ? [`Its SSH host key was pinned: ${fingerprint}`] : [];
  return succeed(call, [`The backup node ${peer.address} is configured.`, ...pinned, "See: ns-ha-config status"], {
    host_key: fingerprint,
  });
}

/** "Please note that the Virtual IP (only) must be written in CIDR notation." */
export function checkCidr(virtualIp: string): void {
  const fault = cidrFault(virtualIp);
  if (fault === undefined) return;
  const example = ipv4ToNumber(virtualIp) === undefined ? "192.168.100.240/24" : `${virtualIp}/24`;
  throw new UsageError(`the virtual IP "${virtualIp}" ${fault}`, `Write it with its prefix, for example ${example}`);
}
