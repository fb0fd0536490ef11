/** gpg's symmetric form of a file. The passphrase is never on a command line: gpg reads it from a file of mode 0600 (gpg(1), --passphrase-file). */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { posix } from "node:path";

const timeoutMs = 600_000;
type Needs = Pick<Host, "files" | "run">;

/**
 * A home of its own, so that gpg neither needs nor leaves anything in root's. Its name is short: its agent's socket is there, whose path may have
 * 107 bytes. `passphraseFile`: its first line is the passphrase.
 */
async function gpg(
  host: Needs,
  to: string,
  passphraseFile: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const home = `${posix.dirname(to)}/gpg`;
  host.files.mkdir(home, { mode: 0o700 });
  const common = [
    "--homedir",
    host.files.real(home),
    "--batch",
    "--yes",
    "--no-tty",
    "--quiet",
    "--pinentry-mode",
    "loopback",
  ];
  try {
    await host.run(
      [
        "gpg",
        ...common,
        "--passphrase-file",
        host.files.real(passphraseFile),
        "--output",
        host.files.real(to),
        ...args,
      ],
      { timeoutMs, signal },
    );
  } finally {
    host.files.remove(home, { recursive: true });
  }
}

export function encryptFile(
  host: Needs,
  from: string,
  to: string,
  passphraseFile: string,
  signal: AbortSignal,
): Promise<void> {
  return gpg(host, to, passphraseFile, ["--symmetric", host.files.real(from)], signal);
}

export async function decryptFile(
  host: Needs,
  from: string,
  to: string,
  passphrase: string,
  signal: AbortSignal,
): Promise<void> {
  const passphraseFile = `${to}.pass`;
  host.files.write(passphraseFile, `${passphrase}\n`, { mode: 0o600 });
  try {
    await gpg(host, to, passphraseFile, ["--decrypt", host.files.real(from)], signal);
  } catch (cause) {
    if (!(cause instanceof RunError)) throw cause;
    throw new NethsecError({
      code: "invalid_passphrase",
      message: "The backup cannot be decrypted with this passphrase.",
      cause,
    });
  } finally {
    host.files.remove(passphraseFile);
  }
}
