/**
 * `send-backup`: every night the configuration goes to the portal, if it is not what was delivered last (contract, section 3).
 * Invariants: with a passphrase only the encrypted form leaves the machine, and the passphrase is on no command line; what was delivered is
 * remembered only after the portal has taken it.
 */
import type { Host } from "@nethsec/host/host";
import { isoStamp } from "./stamp.ts";
import type { Subscription } from "../config.ts";
import { sendAlert } from "../alerts/deliver.ts";
import { archiveDigest } from "./archive-digest.ts";
import { encryptFile } from "./encrypt.ts";
import { uploadBackup } from "./remote-backup.ts";

export const passphrasePath = "/etc/backup.pass";
const deliveredPath = "/etc/ns-plug/backup.sha256";
const notEncryptedAlert = "backup:config:notencrypted";
const archiveTimeoutMs = 600_000;

export type BackupOutcome =
  | { readonly sent: false }
  | { readonly sent: true; readonly name: string; readonly encrypted: boolean };

/** `force`: also when nothing changed. Throws RunError or HttpError; then the next run tries again. */
export async function sendBackup(
  host: Host,
  subscription: Subscription,
  force: boolean,
  signal: AbortSignal,
): Promise<BackupOutcome> {
  const encrypted = (host.files.stat(passphrasePath, { follow: true })?.size ?? 0) > 0;
  const dir = `/tmp/ns-plug-backup.${host.random.text(12)}`;
  host.files.mkdir(dir, { mode: 0o700 });
  try {
    const plain = `${dir}/plain.tar.gz`;
    await host.run(["sysupgrade", "-k", "-b", host.files.real(plain)], { timeoutMs: archiveTimeoutMs, signal });
    const digest = `${await archiveDigest(host.files.readStream(plain))} ${encrypted ? "gpg" : "plain"}`;
    await sendAlert(host, notEncryptedAlert, encrypted ? "OK" : "FAILURE");
    if (!force && host.files.readText(deliveredPath)?.trim() === digest) return { sent: false };
    const name = `backup-${host.system.hostname().replaceAll(/[^A-Za-z0-9.-]/g, "_")}-${isoStamp(host.clock.now())}.tar.gz${encrypted ? ".gpg" : ""}`;
    const path = `${dir}/${name}`;
    if (encrypted) await encryptFile(host, plain, path, passphrasePath, signal);
    else host.files.rename(plain, path);
    await uploadBackup(host, subscription, path);
    host.files.write(deliveredPath, `${digest}\n`, { mode: 0o600 });
    return { sent: true, name, encrypted };
  } finally {
    host.files.remove(dir, { recursive: true });
  }
}
