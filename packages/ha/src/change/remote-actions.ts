/** Calls to the backup before it has the primary's key, so with root's password: the check, and the initialisation. */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { requiredDevices } from "../cluster/checks.ts";
import { followingProtocols } from "../cluster/following-interfaces.ts";
import { type HaConfig, haPaths, readHaConfig } from "../cluster/config.ts";
import { notConfigured } from "../cluster/ha-error.ts";
import { publicKey } from "../ssh/keys.ts";
import { fingerprint, pin, pinnedKey, type HostKey } from "../ssh/known-hosts.ts";
import { peerCommand, reachPeer, readAnswer } from "./peer.ts";
import { runWithPassword } from "../ssh/ssh-password.ts";

type Machine = Pick<Host, "uci" | "files" | "run" | "clock" | "random">;

export interface RemoteCheck {
  readonly errors: readonly { readonly code: string; readonly message: string }[];
  readonly hostKey: HostKey;
  /** True at first contact: the host key has just been pinned. */
  readonly pinnedNow: boolean;
}

const sshPasswordPort = 22;
const checkTimeoutMs = 30_000;
const initTimeoutMs = 120_000;
const linkUpTimeoutMs = 10_000;
const linkUpEveryMs = 200;

const checkSchema = v.object({
  errors: v.array(v.string()),
  problems: v.optional(v.array(v.object({ code: v.string(), message: v.string() }))),
});

/** Throws `ssh_connection_failed`, `ssh_host_key_changed`, `backup_refused`. */
export async function checkBackup(
  host: Machine,
  address: string,
  password: string,
  interfaceName: string,
): Promise<RemoteCheck> {
  const args = {
    role: "backup",
    lan_interface: interfaceName,
    required_devices: requiredDevices(host.uci.read("network")),
    required_protocols: followingProtocols(host.uci, "primary"),
  };
  const pinned = pinnedKey(host.files, address);
  const result = await runWithPassword(
    host,
    { address, port: sshPasswordPort, password, pinned, timeoutMs: checkTimeoutMs },
    { command: peerCommand("validate-requirements"), stdin: JSON.stringify(args) },
  );
  const { errors, problems } = v.parse(checkSchema, readAnswer(address, "validate-requirements", result));
  if (pinned === undefined) pin(host.files, address, result.hostKey);
  const told = problems ?? errors.map((code) => ({ code, message: code }));
  return { errors: told, hostKey: result.hostKey, pinnedNow: pinned === undefined };
}

export interface RemoteInit {
  readonly address: string;
  readonly fingerprint: string;
  readonly pinnedNow: boolean;
}

/** Makes the backup a member, with all of this primary's interfaces and VIPs; also used to set up a replacement. */
export async function initBackup(host: Machine, password: string, interfaceName: string): Promise<RemoteInit> {
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  const { address } = config.peer;
  const pinned = pinnedKey(host.files, address);
  const [main, ...interfaces] = config.interfaces;
  const args = {
    role: "backup",
    primary_node_ip: config.nodeAddress,
    backup_node_ip: address,
    virtual_ip: main?.virtualIp,
    lan_interface: interfaceName,
    pubkey: await publicKey(host, haPaths.syncKey),
    admin_pubkey: await publicKey(host, haPaths.adminKey),
    password: host.uci.read("keepalived").get("primary", "auth_pass"),
    timing: config.timing,
    interfaces: interfaces.map(({ name, virtualIp }) => ({ name, virtual_ip: virtualIp })),
    vips: config.aliases.map(({ name, virtualIp }) => ({ name, virtual_ip: virtualIp })),
  };
  const result = await runWithPassword(
    host,
    { address, port: sshPasswordPort, password, pinned, timeoutMs: initTimeoutMs },
    { command: peerCommand("init-local"), stdin: JSON.stringify(args) },
  );
  readAnswer(address, "init-local", result);
  // An adopted pair has another staging folder. The new backup uses ours, and both nodes must agree.
  if (config.sync.stagingDir !== haPaths.stagingDir)
    host.uci.change((tx) => tx.set("keepalived", "ha_peer", "sync_dir", haPaths.stagingDir));
  if (pinned === undefined) pin(host.files, address, result.hostKey);
  await untilReached(host, config);
  return { address, fingerprint: fingerprint(result.hostKey), pinnedNow: pinned === undefined };
}

/** Waits for the backup's SSH server on the link, which starts a moment after its answer. Throws what the link throws. */
async function untilReached(host: Machine, config: HaConfig): Promise<void> {
  const end = host.clock.monotonic() + linkUpTimeoutMs;
  for (;;) {
    try {
      return await reachPeer(host, config);
    } catch (error) {
      if (host.clock.monotonic() > end) throw error;
    }
    await host.clock.sleep(linkUpEveryMs);
  }
}
