/**
 * The cluster's two SSH keys: the synchronisation key, which on the backup can only run `ns-ha sync-receive` (forced command), and the
 * administrator's key without restrictions (`ssh-remote`, and the actions that change both nodes).
 */
import type { Files, Host } from "@nethsec/host/host";
import { NethsecError } from "@nethsec/host/error";
import { haPaths } from "../cluster/config.ts";

export interface PublicKeys {
  /** "ssh-rsa AAAA…" without a comment. */
  readonly sync: string;
  readonly admin: string;
}

/** Generates missing keys and returns the public halves. Files are 0600 in a folder accessible to root only. */
export async function ensureKeys(host: Pick<Host, "files" | "run">): Promise<PublicKeys> {
  host.files.mkdir(haPaths.keysDir, { mode: 0o700 });
  return {
    // The file name is that of existing clusters, whose RSA key is kept. New keys are ed25519: made in milliseconds, while an RSA-3072 key took 7 s.
    sync: await ensureKey(host, haPaths.syncKey, ["-t", "ed25519"]),
    admin: await ensureKey(host, haPaths.adminKey, ["-t", "ed25519"]),
  };
}

async function ensureKey(host: Pick<Host, "files" | "run">, path: string, kind: readonly string[]): Promise<string> {
  const file = host.files.real(path);
  if (!host.files.exists(path)) {
    await host.run(["dropbearkey", ...kind, "-f", file], { timeoutMs: 60_000 });
    host.files.chmod(path, 0o600);
  }
  return publicKey(host, path);
}

/** The public half of a private key, without its comment. */
export async function publicKey(host: Pick<Host, "files" | "run">, path: string): Promise<string> {
  const { stdout } = await host.run(["dropbearkey", "-y", "-f", host.files.real(path)], { timeoutMs: 10_000 });
  const key = stdout
    .split("\n")
    .map(withoutComment)
    .find((line) => line !== undefined);
  if (key !== undefined) return key;
  throw new NethsecError({
    code: "ssh_key_unreadable",
    message: `dropbearkey gives no public key for ${path}.`,
    advice: `Remove ${path} and initialise the primary node again.`,
  });
}

/** "ssh-rsa AAAA… root@host" → "ssh-rsa AAAA…"; undefined for any other line. */
export function withoutComment(line: string): string | undefined {
  return /^(?:ssh|ecdsa)-[a-z0-9-]+ [A-Za-z0-9+/]+=*/.exec(line.trim())?.[0];
}

export const authorizedKeysPath = "/etc/dropbear/authorized_keys";

const restrictions = "no-port-forwarding,no-agent-forwarding,no-X11-forwarding";

/** Authorises the primary's keys, the sync key with its forced command. Replaces older entries of the same keys. */
export function authorizeKeys(files: Files, keys: { readonly sync: string; readonly admin: string | undefined }): void {
  const own = [
    `command="/usr/sbin/ns-ha sync-receive",${restrictions},no-pty ${keys.sync} ns-ha-sync`,
    ...(keys.admin === undefined ? [] : [`${restrictions} ${keys.admin} ns-ha-admin`]),
  ];
  const others = otherLines(files, [keys.sync, keys.admin]);
  const mode = files.exists(authorizedKeysPath) ? {} : { mode: 0o600 };
  files.write(authorizedKeysPath, [...others, ...own, ""].join("\n"), mode);
}

/** Removes every entry of these keys, whatever options and comment it has. */
export function revokeKeys(files: Files, keys: readonly (string | undefined)[]): void {
  if (!files.exists(authorizedKeysPath)) return;
  const others = otherLines(files, keys);
  if (others.length === 0) files.remove(authorizedKeysPath);
  else files.write(authorizedKeysPath, `${others.join("\n")}\n`);
}

function otherLines(files: Files, keys: readonly (string | undefined)[]): string[] {
  const blobs = new Set(keys.map((key) => key?.split(" ")[1]).filter((blob) => blob !== undefined));
  const lines = (files.readText(authorizedKeysPath) ?? "").split("\n").filter((line) => line.trim() !== "");
  return lines.filter((line) => !line.split(/\s+/).some((word) => blobs.has(word)));
}
