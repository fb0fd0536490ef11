/** Encrypts a backup symmetrically with gpg. */
import { gpg, type GpgHost } from "./gpg.ts";

/** Throws RunError. `passphraseFile`: its first line is the passphrase. */
export async function encryptFile(
  host: GpgHost,
  from: string,
  to: string,
  passphraseFile: string,
  signal: AbortSignal,
): Promise<void> {
  await gpg(host, to, passphraseFile, ["--symmetric", host.files.real(from)], { signal });
}
