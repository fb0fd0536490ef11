/**
 * Decrypts a backup. gpg's exit code is not enough: `gpg --decrypt` copies a packet that was never encrypted (`gpg --store`) and exits with 0, so
 * anyone able to replace a file at the portal could have anything restored. The lines of --status-fd decide (GnuPG's doc/DETAILS): gpg decrypted
 * something, the integrity check was good, and the only plaintext in the file came out of the decryption.
 */
import { NethsecError } from "@nethsec/host/error";
import { gpg, type GpgHost } from "./gpg.ts";

export interface DecryptOptions {
  /** A file whose first line is the passphrase. */
  readonly passphraseFile: string;
  /** Limit of the output in bytes: a small encrypted file can decompress to gigabytes of zeros. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Throws NethsecError "not_encrypted" or "invalid_passphrase", with nothing at `to`. */
export async function decryptFile(host: GpgHost, from: string, to: string, options: DecryptOptions): Promise<void> {
  const args = ["--status-fd", "1", "--max-output", String(options.maxBytes), "--decrypt", host.files.real(from)];
  const { code, stdout, stderr } = await gpg(host, to, options.passphraseFile, args, {
    signal: options.signal,
    anyCode: true,
  });
  const verdict = decryptionVerdict(stdout, code);
  if (verdict === "good") return;
  host.files.remove(to);
  throw verdict === "not_encrypted"
    ? new NethsecError({
        code: "not_encrypted",
        message: "The file is not an encrypted backup: there was nothing to decrypt. Nothing was restored.",
        advice: "If you sent it unencrypted yourself, restore it without a passphrase. Otherwise somebody replaced it.",
      })
    : new NethsecError({
        code: "invalid_passphrase",
        message: `The backup cannot be decrypted with this passphrase: ${lastLine(stderr)}`,
        advice: "Check the passphrase; if it is right, the file is damaged.",
      });
}

/** `status`: lines of --status-fd. */
export function decryptionVerdict(status: string, code: number | null): "good" | "not_encrypted" | "failed" {
  const words = status
    .split("\n")
    .flatMap((line) => (line.startsWith("[GNUPG:] ") ? [line.slice("[GNUPG:] ".length).split(" ")] : []));
  const names = words.map(([name]) => name);
  const begun = names.indexOf("BEGIN_DECRYPTION");
  if (begun < 0) return "not_encrypted";
  // DECRYPTION_INFO <mdc_method> <sym_algo> <aead_algo>: with AEAD the integrity is part of the encryption.
  const aead = words.some(([name, , , algorithm]) => name === "DECRYPTION_INFO" && Number(algorithm ?? 0) > 0);
  const intact = names.includes("DECRYPTION_OKAY") && (names.includes("GOODMDC") || aead);
  const texts = names.flatMap((name, index) => (name === "PLAINTEXT" ? [index] : []));
  const [text = 0] = texts;
  const inside = texts.length === 1 && text > begun && text < names.indexOf("END_DECRYPTION");
  return code === 0 && intact && inside ? "good" : "failed";
}

const lastLine = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trim())
    .findLast((line) => line !== "")
    ?.slice(0, 200) ?? "gpg says nothing";
