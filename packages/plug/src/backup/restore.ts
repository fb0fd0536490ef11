/**
 * Restores a configuration archive, encrypted or not.
 * Invariants: with a passphrase, only data that gpg decrypted with it and found intact is restored; before anything is restored, the archive
 * has been checked to be complete and of bounded size when unpacked; the decrypted archive is removed afterwards.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { checkArchive } from "./archive-digest.ts";
import { decryptFile } from "./decrypt.ts";
import { firstReason } from "./make-archive.ts";
import { archiveLimit } from "./archive-limit.ts";

export interface RestoreOptions {
  /** A file whose first line is the passphrase: the archive must be encrypted. undefined: it must not be. */
  readonly passphraseFile: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

type Needs = Pick<Host, "files" | "run" | "system" | "random">;

/** On tmpfs, for root only. */
const workRoot = "/var/run/ns-plug";

/** Creates a private folder, runs `work` with it and removes it afterwards. */
export async function inPrivateFolder<Result>(
  host: Pick<Host, "files" | "random">,
  work: (dir: string) => Promise<Result>,
): Promise<Result> {
  const dir = `${workRoot}/restore.${host.random.text(12)}`;
  host.files.mkdir(dir, { mode: 0o700 });
  try {
    return await work(dir);
  } finally {
    host.files.remove(dir, { recursive: true });
  }
}

/** Throws NethsecError "not_encrypted", "invalid_passphrase" or "restore_failed": nothing was restored, unless sysupgrade stopped in the middle. */
export function restoreArchive(host: Needs, path: string, options: RestoreOptions): Promise<void> {
  return inPrivateFolder(host, async (dir) => {
    const maxBytes = archiveLimit(host, dir);
    let archive = path;
    if (options.passphraseFile !== undefined) {
      archive = `${dir}/plain.tar.gz`;
      await decryptFile(host, path, archive, {
        passphraseFile: options.passphraseFile,
        maxBytes,
        signal: options.signal,
      });
    }
    await refuseBroken(host, archive, maxBytes);
    try {
      await host.run(["sysupgrade", "-r", host.files.real(archive)], options);
    } catch (cause) {
      if (!(cause instanceof RunError)) throw cause;
      throw new NethsecError({
        code: "restore_failed",
        message: firstReason(cause.result?.stderr ?? "") ?? cause.message,
        advice: "`sysupgrade -r FILE` shows all that it says.",
        cause,
      });
    }
  });
}

async function refuseBroken(host: Needs, archive: string, maxBytes: number): Promise<void> {
  try {
    await checkArchive(host.files.readStream(archive), maxBytes);
  } catch (cause) {
    if (!(cause instanceof NethsecError)) throw cause;
    const encrypted = isOpenPgp(await firstByte(host, archive));
    throw new NethsecError({
      code: "restore_failed",
      message: encrypted
        ? "The backup is encrypted: it needs its passphrase. Nothing was restored."
        : `${cause.message} Nothing was restored.`,
      ...(encrypted ? { advice: "Give the passphrase that it was made with." } : {}),
      cause,
    });
  }
}

async function firstByte({ files }: Pick<Host, "files">, path: string): Promise<number> {
  const reader = files.readStream(path).getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return value?.[0] ?? 0;
}

/** RFC 9580, section 4.2: the first byte of a packet has its highest bit set. gzip's is 0x1f. */
const isOpenPgp = (byte: number): boolean => (byte & 0x80) !== 0;
