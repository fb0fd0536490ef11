/** `add-lan-interface`, `remove-interface`, `add-vip`, `remove-vip`: on both nodes or on neither. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import * as cluster from "../change/cluster.ts";
import { onPrimary } from "../cluster/on-primary.ts";
import { ipv4ToNumber } from "../cluster/ipv4.ts";
import { argument, asTyped, changing, succeed } from "./answer.ts";
import { checkCidr } from "./init.ts";
import { listing } from "./problems.ts";

const change = (call: Call, work: () => Promise<void>): Promise<void> =>
  changing(call, "Configuring both nodes…", () => listing("Nothing was changed:", work));

export async function addLanInterface(call: Call): Promise<number> {
  const words = ["primary_node_ip", "backup_node_ip", "virtual_ip_address"].map((name) => argument(call, name));
  const [primaryAddress = "", backupAddress = "", virtualIp = ""] = words;
  for (const address of [primaryAddress, backupAddress]) {
    if (ipv4ToNumber(address) === undefined) throw new UsageError(`"${address}" is no IPv4 address`);
  }
  checkCidr(virtualIp);
  onPrimary(call.host, asTyped(call, `add-lan-interface ${words.join(" ")}`));
  await change(call, () => cluster.addLanInterface(call.host, { primaryAddress, backupAddress, virtualIp }));
  return succeed(call, [`The interface with the virtual IP ${virtualIp} was added on both nodes.`]);
}

export async function removeInterface(call: Call): Promise<number> {
  const name = argument(call, "interface");
  const config = onPrimary(call.host, asTyped(call, `remove-interface ${name}`));
  const virtual = config.interfaces.find((known) => known.name === name)?.virtualIp;
  await change(call, () => cluster.removeInterface(call.host, name));
  const moved =
    virtual === undefined
      ? []
      : [`${name} has the address ${virtual} on this node now; on the backup node the interface was removed.`];
  return succeed(call, [`The interface ${name} was removed from the HA configuration.`, ...moved]);
}

export async function addVip(call: Call): Promise<number> {
  const [name, cidr] = [argument(call, "interface"), argument(call, "vip_address")];
  checkCidr(cidr);
  const config = onPrimary(call.host, asTyped(call, `add-vip ${name} ${cidr}`));
  const known = config.aliases.some((alias) => alias.name === name && alias.virtualIp === cidr);
  await change(call, () => cluster.addVip(call.host, name, cidr));
  // Run the change even if the VIP exists: that completes an interrupted one.
  const sentence = known
    ? `${name} had the VIP ${cidr} already; both nodes have it.`
    : `The VIP ${cidr} was added to ${name} on both nodes.`;
  return succeed(call, [sentence], { changed: !known });
}

export async function removeVip(call: Call): Promise<number> {
  const [name, cidr] = [argument(call, "interface"), argument(call, "vip")];
  checkCidr(cidr);
  onPrimary(call.host, asTyped(call, `remove-vip ${name} ${cidr}`));
  await change(call, () => cluster.removeVip(call.host, name, cidr));
  return succeed(call, [`The VIP ${cidr} was removed from ${name} on both nodes.`]);
}
