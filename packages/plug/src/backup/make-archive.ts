/** The archive of the configuration, as the system makes it: `sysupgrade -k -b` (with the list of installed packages). */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";

/** Throws NethsecError "backup_failed", whose message begins with the reason. */
export async function makeArchive(
  host: Pick<Host, "files" | "run">,
  path: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  try {
    await host.run(["sysupgrade", "-k", "-b", host.files.real(path)], options);
  } catch (cause) {
    if (!(cause instanceof RunError) || cause.code === "program_aborted") throw cause;
    const reason = firstReason(cause.result?.stderr ?? "");
    throw new NethsecError({
      code: "backup_failed",
      message: reason === undefined ? cause.message : `${reason} (sysupgrade -k -b could not make the archive)`,
      advice:
        "Nothing was sent. Is there room in /tmp and /var? `sysupgrade -b /tmp/test.tar.gz` shows all that it says.",
      cause,
    });
  }
}

/** The first line of an error output; the rest is often the failing program's usage text. */
export function firstReason(stderr: string): string | undefined {
  return stderr
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "" && !/^(Saving config files|BusyBox v|Usage:)/.test(line))
    ?.slice(0, 300);
}
