/**
 * Runs rsync as the receiver of a synchronisation, into the staging area only. Stops it before the file system is full, since the rest of the
 * system needs that space too.
 */
import { NethsecError } from "@nethsec/host/error";
import { shownPath } from "@nethsec/host/files/os-path";
import type { Host } from "@nethsec/host/host";
import { formatBytes } from "@nethsec/host/units";
import type { HaConfig } from "../cluster/config.ts";
import { cleanStaging } from "./clean-staging.ts";

/** Space left free on the file system of the staging area: the smaller of these two. */
const spareBytesMax = 8 * 1024 * 1024;
const spareShare = 0.05;
const lookEveryMs = 200;
/** `args`: checked by `parseRequest`. Returns rsync's exit code. When space runs low, empties the staging area and throws `staging_full`. */
export async function receive(
  host: Host,
  config: HaConfig,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { files } = host;
  const { stagingDir } = config.sync;
  const log = host.log.tagged("ns-rsync.sh");
  const spoilt = cleanStaging(files, stagingDir);
  if (spoilt.length > 0) log("warning", `removed from the staging area: ${spoilt.map(shownPath).join(" ")}`);
  files.mkdir(stagingDir, { mode: 0o700 });
  log("info", `root : PWD=/root ; USER=root ; COMMAND=/usr/bin/rsync ${args.join(" ")}`);
  const spareBytes = Math.min(spareBytesMax, host.system.fileSystem(stagingDir).size * spareShare);
  const isFull = (): boolean => host.system.fileSystem(stagingDir).free < spareBytes;
  const full = new AbortController();
  const child = host.run.spawn(["rsync", ...args], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    signal: AbortSignal.any([signal, full.signal]),
  });
  const ended = new AbortController();
  const watching = (async (): Promise<void> => {
    while (!ended.signal.aborted) {
      if (isFull()) return full.abort(new Error("the file system is full"));
      await host.clock.sleep(lookEveryMs, ended.signal).catch(() => undefined);
    }
  })();
  const { code } = await child.exited;
  ended.abort(new Error("rsync ended"));
  await watching;
  if (!full.signal.aborted) return code ?? 1;
  // Remove the partial transfer, or the file system stays full; it is sent again when there is room.
  files.remove(stagingDir, { recursive: true });
  throw new NethsecError({
    code: "staging_full",
    message: `The synchronisation was stopped: on the backup node less than ${formatBytes(spareBytes)} were free on the file system of ${stagingDir}.`,
    advice: `Make room there (df -h ${stagingDir}), or take large files out: keepalived.ha_peer.exclude_list on the primary.`,
  });
}
