/**
 * The link between the nodes of an existing cluster: dbclient with a key, to port 65022, the peer's host key pinned. Never prompts,
 * never accepts an unknown key; without a pinned key it does not even connect.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Argv, Host, RunResult } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { haPaths, type HaConfig } from "../cluster/config.ts";
import { pinnedKey } from "./known-hosts.ts";
import { connectionFailed, hostKeyChanged } from "./ssh-error.ts";

/** "sync": restricted to the synchronisation; "admin": unrestricted. */
export type LinkKey = "sync" | "admin";

export interface SshCommand {
  /** `dbclient … root@PEER`; append the remote command. For rsync's `-e`, join it to one string without the last word (the host). */
  readonly argv: Argv;
  readonly env: Readonly<Record<string, string>>;
}

/** Interval in seconds of dbclient's keepalive requests on a silent connection; after three without an answer it disconnects. */
const keepaliveSeconds = 5;

/** Command line of an SSH client to the peer. Throws `ssh_host_key_not_pinned` before connecting. */
export function sshCommand(host: Pick<Host, "files">, config: HaConfig, key: LinkKey, terminal = false): SshCommand {
  const { address, sshPort } = config.peer;
  if (pinnedKey(host.files, address) === undefined) {
    throw new NethsecError({
      code: "ssh_host_key_not_pinned",
      message: `No SSH host key of ${address} is pinned on this node, so it cannot be told from another machine.`,
      advice: `Run: ns-ha-config check-backup-node ${address} ${config.haInterface.name}`,
    });
  }
  const file = host.files.real(key === "sync" ? config.sync.keyPath : haPaths.adminKey);
  const keepalive = ["-K", String(keepaliveSeconds)];
  return {
    argv: ["dbclient", terminal ? "-t" : "-T", ...keepalive, "-i", file, "-p", String(sshPort), `root@${address}`],
    env: { HOME: host.files.real(haPaths.sshHome) },
  };
}

export interface LinkCall {
  readonly key: LinkKey;
  /** For the remote shell; a constant, never built from input. */
  readonly command: string;
  readonly stdin?: string | Uint8Array;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Maximum size of the answer in bytes; default 1 MiB. A longer answer is an error. */
  readonly maxOutput?: number;
}

/** Limits memory: the peer decides how much it sends, and a parsed answer takes ten times its bytes. */
const defaultMaxOutput = 1024 * 1024;

/**
 * Runs a command on the peer until it exits; returns any exit code of the command as a result. Throws `ssh_connection_failed`,
 * `ssh_host_key_changed`, `ssh_host_key_not_pinned` or `peer_answer_too_long`.
 */
export async function sshRun(host: Pick<Host, "files" | "run">, config: HaConfig, call: LinkCall): Promise<RunResult> {
  const { argv, env } = sshCommand(host, config, call.key);
  const { timeoutMs, stdin = "", signal, maxOutput = defaultMaxOutput } = call;
  const result = await host
    .run([...argv, call.command], {
      env,
      stdin,
      timeoutMs,
      maxOutput,
      ok: "any",
      ...(signal === undefined ? {} : { signal }),
    })
    .catch((error: unknown) => {
      if (error instanceof RunError && error.code === "program_timed_out")
        throw linkFailed(config, "no answer in time", error);
      throw error;
    });
  if (result.truncated) throw answerTooLong(config, maxOutput);
  const trouble = dbclientTrouble(result);
  if (trouble === undefined) return result;
  if (trouble === "host key")
    throw hostKeyChanged(config.peer.address, pinnedKey(host.files, config.peer.address), undefined);
  throw linkFailed(config, trouble);
}

function answerTooLong({ peer }: HaConfig, maxOutput: number): NethsecError {
  return new NethsecError({
    code: "peer_answer_too_long",
    message: `The node ${peer.address} answers with more than ${maxOutput} bytes: nothing of it was used.`,
    advice: `Check that nethsec is installed there in the same version: ssh root@${peer.address} nethsec --version`,
  });
}

const refused = "connection refused";

/** Code `ssh_connection_failed`. */
export function linkFailed(config: HaConfig, why: string, cause?: unknown): NethsecError {
  const { address, sshPort } = config.peer;
  const advice =
    why === refused
      ? `It is switched on, but nothing listens there. If it is not part of the cluster yet: ns-ha-config init-backup-node ${config.haInterface.name}; else directly: ssh root@${address} /etc/init.d/dropbear restart`
      : `Check that ${address} is switched on and its cable plugged in; directly: ssh root@${address}. What would be lost by a failover: ns-ha-config drill`;
  return connectionFailed(address, sshPort, why, advice, cause);
}

/** dbclient exits with 1 for its own errors, and so may a remote command; only the message tells them apart (2022.83 to 2025.88). */
export function dbclientTrouble(result: Pick<RunResult, "code" | "stderr">): string | undefined {
  if (result.code === 0) return undefined;
  if (/host key mismatch for|Didn't validate host key/.test(result.stderr)) return "host key";
  const exited = /^dbclient: (?:Connection to \S+ exited: )?(.*)$/m.exec(result.stderr)?.[1];
  if (exited === undefined) return undefined;
  if (/No auth methods|Permission denied/.test(exited)) return "the key of the cluster was refused";
  return exited.replace(/^Connect failed: /, "").toLowerCase();
}
