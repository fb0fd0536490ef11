/**
 * First contact with the other node: SSH with root's password, by the ssh2 library (dbclient takes a password from a terminal or
 * the environment only). The password goes to the library and nowhere else; the host key is checked before it is sent.
 */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import type { Client, ClientChannel } from "ssh2";
import { fingerprint, hostKey, type HostKey } from "./known-hosts.ts";
import { connectionFailed, hostKeyChanged } from "./ssh-error.ts";

export interface PasswordLogin {
  readonly address: string;
  readonly port: number;
  readonly password: string;
  /** The key that the node must show; undefined at the very first contact: any is accepted, told in `hostKey`. */
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

/** Logs in, runs one command, logs out. Throws `ssh_connection_failed` or `ssh_host_key_changed`. */
export async function runWithPassword(login: PasswordLogin, remote: RemoteCommand): Promise<RemoteResult> {
  const { Client } = await import("ssh2");
  const client = new Client();
  let seen: HostKey | undefined;
  let keyRefused = false;
  const verify = (blob: Buffer): boolean => {
    seen = hostKey(blob);
    keyRefused = seen === undefined || (login.pinned !== undefined && fingerprint(login.pinned) !== fingerprint(seen));
    return !keyRefused;
  };
  const deadline = AbortSignal.timeout(login.timeoutMs);
  try {
    await connected(client, login, verify, deadline);
    const result = await execute(client, remote, deadline);
    if (seen === undefined) throw new Error("connected without a host key");
    return { ...result, hostKey: seen };
  } catch (cause) {
    if (keyRefused) throw hostKeyChanged(login.address, login.pinned, seen);
    if (cause instanceof NethsecError) throw cause;
    throw explain(login, cause);
  } finally {
    client.end();
    client.destroy();
  }
}

/** The key that a node shows, without logging in: no password is sent. Throws `ssh_connection_failed`. */
export async function seenHostKey(address: string, port: number, timeoutMs: number): Promise<HostKey> {
  const { Client } = await import("ssh2");
  const client = new Client();
  let seen: HostKey | undefined;
  const look = (blob: Buffer): boolean => {
    seen = hostKey(blob);
    return false;
  };
  const login = { address, port, password: "", pinned: undefined, timeoutMs };
  try {
    await connected(client, login, look, AbortSignal.timeout(timeoutMs));
  } catch (cause) {
    if (seen === undefined) throw explain(login, cause);
  } finally {
    client.end();
    client.destroy();
  }
  if (seen === undefined) throw new Error("connected without a host key");
  return seen;
}

function connected(
  client: Client,
  login: PasswordLogin,
  verify: (blob: Buffer) => boolean,
  deadline: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once("ready", resolve);
    // Errors after the first (the socket's, when the key was refused) have nobody left to tell.
    client.on("error", reject);
    client.once("close", () => reject(new Error("the connection was closed")));
    deadline.addEventListener("abort", () => reject(new Error("no answer in time")), { once: true });
    client.connect({
      host: login.address,
      port: login.port,
      username: "root",
      password: login.password,
      authHandler: ["password"],
      readyTimeout: login.timeoutMs,
      hostVerifier: verify,
      // dbclient prefers them in this order: the key pinned here is the one that it will be shown.
      algorithms: {
        serverHostKey: [
          "ssh-ed25519",
          "ecdsa-sha2-nistp256",
          "ecdsa-sha2-nistp384",
          "ecdsa-sha2-nistp521",
          "rsa-sha2-256",
        ],
      },
    });
  });
}

function execute(client: Client, remote: RemoteCommand, deadline: AbortSignal): Promise<Omit<RemoteResult, "hostKey">> {
  return new Promise((resolve, reject) => {
    deadline.addEventListener("abort", () => reject(new Error("no answer in time")), { once: true });
    client.exec(remote.command, (error: Error | undefined, channel: ClientChannel) => {
      if (error !== undefined) {
        reject(error);
        return;
      }
      const texts = { stdout: "", stderr: "" };
      const collect = (name: "stdout" | "stderr") => (chunk: Buffer) => {
        if (texts[name].length < outputMax) texts[name] += chunk.toString("utf8");
      };
      channel.on("data", collect("stdout"));
      channel.stderr.on("data", collect("stderr"));
      channel.once("error", reject);
      channel.once("close", (code: number | null) => resolve({ code: code ?? null, ...texts }));
      channel.end(remote.stdin);
    });
  });
}

function explain(login: PasswordLogin, cause: unknown): NethsecError {
  const { address, port } = login;
  const text = messageOf(cause);
  const refused = cause instanceof Error && "level" in cause && cause.level === "client-authentication";
  if (refused)
    return new NethsecError({
      // The word that the web interface knows for it.
      code: "ssh_connection_failed",
      message: `The backup node ${address} was reached, and refused the password of root.`,
      advice: "Check the password, and that root may log in with it.",
      cause,
    });
  const known = cause instanceof Error && "code" in cause ? reasons.get(String(cause.code)) : undefined;
  const check = "Check the address, the cable, and that the SSH server of that node listens there.";
  return connectionFailed(address, port, known ?? text, check, cause);
}

/** What the system calls by a code, in the words of dbclient. */
const reasons: ReadonlyMap<string, string> = new Map([
  // Bun reports ECONNREFUSED for an unreachable address too.
  ["ECONNREFUSED", "nobody answers there, or the connection is refused"],
  ["ECONNRESET", "the connection was reset"],
  ["EHOSTUNREACH", "no route to host"],
  ["ENETUNREACH", "no route to that network"],
  ["ETIMEDOUT", "no answer in time"],
]);
