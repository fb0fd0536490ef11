/**
 * Third-party scripts in /usr/share/ns-plug/hooks/COMMAND: executable files, or links to them, run in lexicographic order.
 * A hook that fails or hangs is logged and does not stop the others (documentation, "Machine registration").
 */
import type { Host } from "@nethsec/host/host";
import { runExecutables } from "../executables.ts";

const timeoutMs = 60_000;

export async function runHooks(
  host: Pick<Host, "files" | "run" | "log">,
  command: "register" | "unregister",
): Promise<void> {
  await runExecutables(host, `/usr/share/ns-plug/hooks/${command}`, [], {}, timeoutMs);
}
