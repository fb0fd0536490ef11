/** Errors of the connection between the nodes, with the web interface's codes. They never contain a password. */
import { NethsecError } from "@nethsec/host/error";
import { haPaths } from "../cluster/config.ts";
import { fingerprint, type HostKey } from "./known-hosts.ts";

/** Code `ssh_connection_failed`: not reachable, refused, timed out, or login refused. */
export function connectionFailed(
  address: string,
  port: number,
  why: string,
  advice: string,
  cause?: unknown,
): NethsecError {
  return new NethsecError({
    code: "ssh_connection_failed",
    message: `The backup node ${address} cannot be reached by SSH on port ${port}: ${why}.`,
    advice,
    cause,
  });
}

/** Code `ssh_host_key_changed`. */
export function hostKeyChanged(
  address: string,
  expected: HostKey | undefined,
  seen: HostKey | undefined,
): NethsecError {
  const shown = seen === undefined ? "" : `, it shows ${fingerprint(seen)} (${seen.algorithm})`;
  const pinned =
    expected === undefined ? "" : ` The pinned key is ${fingerprint(expected)} (${expected.algorithm})${shown}.`;
  return new NethsecError({
    code: "ssh_host_key_changed",
    message: `The SSH host key of ${address} is not the one that was pinned when the cluster was made: another machine answers there, or it was reinstalled.${pinned}`,
    advice: `If you replaced or reinstalled the backup node: sed -i '/^${address} /d' ${haPaths.knownHosts}, then ns-ha-config check-backup-node ${address} <lan_interface> and ns-ha-config init-backup-node <lan_interface>.`,
  });
}
