/**
 * The peer's host key, pinned at first contact, in the file that dbclient reads (OpenSSH's known_hosts format, one line per host). dbclient
 * looks up the address without the port; ports 22 and 65022 have the same dropbear keys.
 * Invariant: one key per address; a key is replaced only by `pin`, called only by commands that show the key to the administrator.
 */
import { sha256 } from "@nethsec/host/files/digests";
import type { Files } from "@nethsec/host/host";
import { haPaths } from "../cluster/config.ts";

export interface HostKey {
  /** e.g. "ssh-ed25519" */
  readonly algorithm: string;
  /** The key's blob (RFC 4253, section 6.6) in base64. */
  readonly blob: string;
}

/** undefined: no key is pinned for the address. */
export function pinnedKey(files: Files, address: string): HostKey | undefined {
  for (const line of lines(files)) {
    const [host, algorithm, blob] = line.split(" ");
    if (host === address && algorithm !== undefined && blob !== undefined) return { algorithm, blob };
  }
  return undefined;
}

export function pin(files: Files, address: string, key: HostKey): void {
  const others = lines(files).filter((line) => line.split(" ")[0] !== address);
  files.mkdir(haPaths.sshHome, { mode: 0o700 });
  files.mkdir(`${haPaths.sshHome}/.ssh`, { mode: 0o700 });
  files.write(haPaths.knownHosts, [...others, `${address} ${key.algorithm} ${key.blob}`, ""].join("\n"), {
    mode: 0o600,
  });
}

function lines(files: Files): string[] {
  return (files.readText(haPaths.knownHosts) ?? "").split("\n").filter((line) => line.trim() !== "");
}

/** Parses a key blob, whose first field is the algorithm. undefined: malformed. */
export function hostKey(blob: Uint8Array): HostKey | undefined {
  if (blob.byteLength < 4) return undefined;
  const length = new DataView(blob.buffer, blob.byteOffset).getUint32(0);
  if (length === 0 || length > 64 || blob.byteLength < 4 + length) return undefined;
  return {
    algorithm: Buffer.from(blob.subarray(4, 4 + length)).toString("latin1"),
    blob: Buffer.from(blob).toString("base64"),
  };
}

/** In the format of ssh and dropbear: "SHA256:…". */
export function fingerprint(key: HostKey): string {
  const digest = Buffer.from(sha256(Buffer.from(key.blob, "base64")), "hex").toString("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}
