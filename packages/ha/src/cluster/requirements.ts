/** The checks of `check-primary-node` and `check-backup-node` for the node they run on, and the same checks for an interface to be added. */
import type { Host } from "@nethsec/host/host";
import {
  announcedRouter,
  answers,
  checkDevices,
  checkDhcp,
  checkHotspot,
  checkInterface,
  checkProtocols,
  checkVirtualIp,
  inUse,
  isOurs,
  type Problem,
} from "./checks.ts";
import { readHaConfig, type Role } from "./config.ts";
import { configuredInterfaces } from "./network-config.ts";

export interface Requirements {
  readonly role: Role;
  readonly interfaceName: string;
  /** CIDR; undefined: the cluster's virtual address, or the router that the DHCP server announces. */
  readonly virtualIp?: string;
  /** Addresses that the virtual address must differ from, besides this node's own. */
  readonly otherAddresses?: readonly string[];
  /** Require the option "force" of the DHCP server. */
  readonly dhcpForce?: boolean;
  /** Devices of the primary, to be checked on the backup. */
  readonly devices?: readonly string[];
  /** Protocols of the primary's interfaces that will come up on the backup, to be checked there. */
  readonly protocols?: readonly string[];
}

/** Every problem of this node; empty when it meets the requirements. Changes nothing. */
export async function checkRequirements(
  host: Pick<Host, "uci" | "run" | "net">,
  wanted: Requirements,
): Promise<Problem[]> {
  const network = host.uci.read("network");
  const problems = checkInterface(network, wanted.interfaceName);
  problems.push(...(wanted.role === "primary" ? await checkPrimary(host, wanted) : []));
  if (wanted.devices !== undefined && wanted.devices.length > 0) {
    const present = (await host.net.addresses()).map(({ device }) => device.split("@")[0] ?? device);
    problems.push(...checkDevices(wanted.devices, present));
  }
  if (wanted.protocols !== undefined && wanted.protocols.length > 0)
    problems.push(...checkProtocols(wanted.protocols, await host.net.protocols()));
  return problems;
}

async function checkPrimary(host: Pick<Host, "uci" | "run">, wanted: Requirements): Promise<Problem[]> {
  const onInterface = configuredInterfaces(host.uci.read("network")).find(({ name }) => name === wanted.interfaceName);
  if (onInterface === undefined) return [];
  const config = readHaConfig(host.uci);
  const existing = config?.interfaces.find(({ name }) => name === wanted.interfaceName)?.virtualIp;
  const dhcp = host.uci.read("dhcp");
  const known = wanted.virtualIp ?? existing;
  const problems = checkDhcp(dhcp, wanted.interfaceName, { virtualIp: known, force: wanted.dhcpForce ?? false });
  problems.push(...checkHotspot(host.uci));
  const prefix = onInterface.addresses[0]?.prefix;
  const router = announcedRouter(dhcp, wanted.interfaceName);
  const candidate = known ?? (router === undefined || prefix === undefined ? undefined : `${router}/${prefix}`);
  if (candidate === undefined) return problems;
  const own = configuredInterfaces(host.uci.read("network")).flatMap(({ addresses }) =>
    addresses.map(({ address }) => address),
  );
  const found = checkVirtualIp(candidate, onInterface, [...own, ...(wanted.otherAddresses ?? [])]);
  const addressProblems = known === undefined ? found.map((problem) => ofRouter(wanted.interfaceName, problem)) : found;
  problems.push(...addressProblems);
  const address = candidate.split("/")[0] ?? candidate;
  const worthAsking = addressProblems.length === 0 && onInterface.device !== undefined && !isOurs(config, address);
  if (worthAsking && (await answers(host, onInterface.device, address))) problems.push(inUse(address));
  return problems;
}

/** For when no virtual IP was given yet: the address checked is the router announced to clients, so that DHCP option has to be changed. */
function ofRouter(interfaceName: string, problem: Problem): Problem {
  const message = `The DHCP server on ${interfaceName} announces a router that cannot be the virtual IP: set DHCP option 3 (router) to the virtual IP that the cluster is to have. ${problem.message}`;
  return { ...problem, message };
}
