/**
 * `send-backup`: sends the configuration to the portal every night, unless it is the same as the last delivered one (contract ns-plug 3).
 * Invariants: with a passphrase only the encrypted form leaves the machine, and the passphrase is on no command line; with the option
 * `require_encryption` and no passphrase nothing leaves it; a delivery is remembered only after the portal has accepted it.
 */
import { NethsecError } from "@nethsec/host/error";
import { FileError } from "@nethsec/host/files/file-error";
import { holdLock } from "@nethsec/host/files/file-lock";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { isoStamp } from "./stamp.ts";
import { readPlugConfig, type Subscription } from "../config.ts";
import { recordOutcome } from "../cron/outcome.ts";
import { sendAlert } from "../alerts/deliver.ts";
import { archiveDigest } from "./archive-digest.ts";
import { encryptFile } from "./encrypt.ts";
import { makeArchive } from "./make-archive.ts";
import { isEncrypting, passphrasePath, requirePassphrase } from "./passphrase.ts";
import { uploadBackup } from "./remote-backup.ts";

const deliveredPath = "/etc/ns-plug/backup.sha256";
const notEncryptedAlert = "backup:config:notencrypted";
const archiveTimeoutMs = 600_000;
/** On tmpfs, for root only. */
const workDir = "/var/run/ns-plug/backup";
/** Serializes runs: the second one finds that nothing changed. */
const lockPath = "/var/run/ns-plug/backup.lock";

export type BackupOutcome =
  | { readonly sent: false }
  | { readonly sent: true; readonly name: string; readonly encrypted: boolean };

/** Exit code of the released send-backup when the configuration changed and there is no passphrase (portal.json, local_results, exit_status). */
const refusedExitCode = 4;

/**
 * `force`: send even if nothing changed. Throws NethsecError "backup_failed", "encryption_failed", "passphrase_missing" (exit code 4), or HttpError;
 * the next run then tries again.
 */
export function sendBackup(
  host: Host,
  subscription: Subscription,
  force: boolean,
  signal: AbortSignal,
): Promise<BackupOutcome> {
  return recordOutcome(host, "backup", () => makeAndSend(host, subscription, force, signal));
}

function passphraseMissing(): NethsecError {
  return new NethsecError({
    code: "passphrase_missing",
    message: `There is no passphrase in ${passphrasePath}, and ns-plug.config.require_encryption is set: nothing was sent.`,
    advice: "Write one: (umask 077; echo 'a long passphrase' > /etc/backup.pass)",
    exitCode: refusedExitCode,
  });
}

async function makeAndSend(
  host: Host,
  subscription: Subscription,
  force: boolean,
  signal: AbortSignal,
): Promise<BackupOutcome> {
  const encrypted = isEncrypting(host);
  const { requireEncryption, alertDisabled } = readPlugConfig(host.uci).backup;
  if (encrypted) requirePassphrase(host);
  using _lock = holdLock(host.files, lockPath);
  // Remove the files of a run that was killed.
  host.files.remove(workDir, { recursive: true });
  host.files.mkdir(workDir, { mode: 0o700 });
  try {
    const plain = `${workDir}/plain.tar.gz`;
    await makeArchive(host, plain, { timeoutMs: archiveTimeoutMs, signal });
    const digest = `${await archiveDigest(host.files.readStream(plain))} ${encrypted ? "gpg" : "plain"}`;
    if (!alertDisabled) await sendAlert(host, notEncryptedAlert, encrypted ? "OK" : "FAILURE");
    if (!force && host.files.readText(deliveredPath)?.trim() === digest) return { sent: false };
    if (!encrypted && requireEncryption) throw passphraseMissing();
    const name = `backup-${host.system.hostname().replaceAll(/[^A-Za-z0-9.-]/g, "_")}-${isoStamp(host.clock.now())}.tar.gz${encrypted ? ".gpg" : ""}`;
    const path = `${workDir}/${name}`;
    if (encrypted) await encrypt(host, plain, path, signal);
    else host.files.rename(plain, path);
    await uploadBackup(host, subscription, path, signal);
    noteDelivered(host, digest);
    return { sent: true, name, encrypted };
  } finally {
    host.files.remove(workDir, { recursive: true });
  }
}

async function encrypt(host: Host, from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await encryptFile(host, from, to, passphrasePath, signal);
  } catch (cause) {
    if (!(cause instanceof RunError) || cause.code === "program_aborted") throw cause;
    throw new NethsecError({ code: "encryption_failed", message: cause.message, cause });
  }
}

/** If the disk is full, log a warning only: the backup has been delivered. */
function noteDelivered({ files, log }: Host, digest: string): void {
  try {
    files.write(deliveredPath, `${digest}\n`, { mode: 0o600 });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    log("warning", `the backup that arrived will be sent again: ${error.message}`);
  }
}
