/** Runs gpg for backups: symmetric, with its own home. The passphrase is in a file of mode 0600, never on a command line (gpg(1), --passphrase-file). */
import type { Host, RunResult } from "@nethsec/host/host";
import { posix } from "node:path";

export const gpgTimeoutMs = 600_000;
export type GpgHost = Pick<Host, "files" | "run">;

/**
 * Runs gpg with `args` and `--output TO`. gpg's home is a folder beside `to`, so that root's ~/.gnupg is neither used nor changed. Its name is short,
 * because it holds the agent's socket, whose path is limited to 107 bytes. `passphraseFile`: its first line is the passphrase.
 */
export async function gpg(
  host: GpgHost,
  to: string,
  passphraseFile: string,
  args: readonly string[],
  options: { readonly signal: AbortSignal; readonly anyCode?: boolean },
): Promise<RunResult> {
  const home = `${posix.dirname(to)}/gpg`;
  host.files.mkdir(home, { mode: 0o700 });
  const common = ["--batch", "--yes", "--no-tty", "--quiet", "--pinentry-mode", "loopback"];
  const files = ["--passphrase-file", host.files.real(passphraseFile), "--output", host.files.real(to)];
  try {
    return await host.run(["gpg", "--homedir", host.files.real(home), ...common, ...files, ...args], {
      timeoutMs: gpgTimeoutMs,
      signal: options.signal,
      ...(options.anyCode === true ? { ok: "any" } : {}),
    });
  } finally {
    host.files.remove(home, { recursive: true });
  }
}
