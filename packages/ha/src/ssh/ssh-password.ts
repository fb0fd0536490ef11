/**
 * First contact with the other node: SSH with root's password, by dbclient, which every OpenWrt has. The host key is read and compared
 * first; dbclient then gets a separate known_hosts file with that key only, so that the password is sent only to the holder of the key.
 * The password is passed in the environment of that one process (DROPBEAR_PASSWORD, dbclient(1)), which only root can read.
 */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import type { Argv, Host, RunResult } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { fingerprint, type HostKey } from "./known-hosts.ts";
import { scanHostKey } from "./scan-host-key.ts";
import { connectionFailed, hostKeyChanged } from "./ssh-error.ts";
import { dbclientTrouble } from "./ssh-link.ts";

type Machine = Pick<Host, "files" | "run" | "random">;

export interface PasswordLogin {
  readonly address: string;
  readonly port: number;
  readonly password: string;
  /** The expected host key; undefined at first contact: any key is accepted and returned in `hostKey`. */
  readonly pinned: HostKey | undefined;
  readonly timeoutMs: number;
}

export interface RemoteCommand {
  /** For the remote shell; a constant, never built from input. */
  readonly command: string;
  readonly stdin: string;
}

export interface RemoteResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly hostKey: HostKey;
}

const outputMax = 1024 * 1024;

/** The remote shell prints this to standard error first. If it is missing, the login itself failed. */
const loggedIn = "ns-ha: logged in";

/** Logs in, runs one command, logs out. Throws `ssh_connection_failed` or `ssh_host_key_changed`. */
export async function runWithPassword(
  host: Machine,
  login: PasswordLogin,
  remote: RemoteCommand,
): Promise<RemoteResult> {
  const { address, port, pinned } = login;
  const hostKey = await seenHostKey(host, address, port, login.timeoutMs);
  if (pinned !== undefined && fingerprint(pinned) !== fingerprint(hostKey))
    throw hostKeyChanged(address, pinned, hostKey);
  const result = await withKnownHost(host, address, hostKey, (home) => execute(host, login, remote, home));
  const lines = result.stderr.split("\n");
  if (lines.includes(loggedIn))
    return { ...result, stderr: lines.filter((line) => line !== loggedIn).join("\n"), hostKey };
  const trouble = dbclientTrouble(result);
  if (trouble === "host key") throw hostKeyChanged(address, hostKey, undefined);
  throw notLoggedIn(login, trouble ?? result.stderr.trim());
}

/** The host key of a node, read without logging in: no password is sent. Throws `ssh_connection_failed`. */
export async function seenHostKey(
  host: Pick<Host, "random">,
  address: string,
  port: number,
  timeoutMs: number,
): Promise<HostKey> {
  try {
    return await scanHostKey(address, port, timeoutMs, host.random);
  } catch (cause) {
    const known = cause instanceof Error && "code" in cause ? reasons.get(String(cause.code)) : undefined;
    throw connectionFailed(
      address,
      port,
      known ?? messageOf(cause),
      "Check the address, the cable, and that the SSH server of that node listens there.",
      cause,
    );
  }
}

/** Runs `work` with a home folder whose known_hosts contains only this key; removes the folder afterwards. */
export async function withKnownHost<T>(
  host: Machine,
  address: string,
  key: HostKey,
  work: (home: string) => Promise<T>,
): Promise<T> {
  const home = `/var/run/ns-ha/first-contact-${host.random.text(12)}`;
  host.files.mkdir(`${home}/.ssh`, { mode: 0o700 });
  try {
    host.files.write(`${home}/.ssh/known_hosts`, `${address} ${key.algorithm} ${key.blob}\n`, { mode: 0o600 });
    return await work(host.files.real(home));
  } finally {
    host.files.remove(home, { recursive: true });
  }
}

async function execute(host: Machine, login: PasswordLogin, remote: RemoteCommand, home: string): Promise<RunResult> {
  const { address, port, password, timeoutMs } = login;
  const script = `echo '${loggedIn}' >&2; ${remote.command}`;
  const argv: Argv = ["dbclient", "-T", "-p", String(port), `root@${address}`, script];
  const env = { HOME: home, DROPBEAR_PASSWORD: password };
  try {
    return await host.run(argv, {
      env,
      stdin: remote.stdin,
      timeoutMs,
      maxOutput: outputMax,
      ok: "any",
      secrets: [password],
    });
  } catch (cause) {
    if (cause instanceof RunError && cause.code === "program_timed_out")
      throw connectionFailed(
        address,
        port,
        "no answer in time",
        "Look at that node: is it busy, or is its disk full?",
        cause,
      );
    throw cause;
  }
}

/** The key exchange has just succeeded, so a closed connection means a refused password (dropbear disconnects after some tries). */
function notLoggedIn(login: PasswordLogin, why: string): NethsecError {
  const { address, port } = login;
  const advice = "Check the password, and that root may log in with it.";
  if (!/closed the connection|the key of the cluster was refused/.test(why))
    return connectionFailed(address, port, why, advice);
  return new NethsecError({
    // The code that the web interface knows for this case.
    code: "ssh_connection_failed",
    message: `The backup node ${address} was reached, and refused the password of root.`,
    advice,
  });
}

/** System error codes, in dbclient's wording. */
const reasons: ReadonlyMap<string, string> = new Map([
  // Bun 1.4.5 also reports this code for an unreachable address (oven-sh/bun#37093).
  ["ECONNREFUSED", "nobody answers there, or the connection is refused"],
  ["ECONNRESET", "the connection was reset"],
  ["EHOSTUNREACH", "no route to host"],
  ["ENETUNREACH", "no route to that network"],
  ["ETIMEDOUT", "no answer in time"],
]);
