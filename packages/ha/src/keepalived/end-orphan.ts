/**
 * A keepalived that procd does not know (its supervisor died, or somebody started it by hand) keeps the service from starting ("daemon is already
 * running"), and no reload reaches it: the node would go on with an old configuration.
 */
import type { Host } from "@nethsec/host/host";

/** Where keepalived writes the process id of its main process (core/main.c, pid_file.h: RUNSTATEDIR, and keepalived/ below it with use_pid_dir). */
const pidFiles = ["/var/run", "/run"].flatMap((folder) => [
  `${folder}/keepalived.pid`,
  `${folder}/keepalived/keepalived.pid`,
]);
/** keepalived gives up its addresses and says goodbye to the other node; a loaded machine takes seconds for it. */
const waitMs = 10_000;

/** Ends such a keepalived. True: there was one. Call when the service is to be started, or was found not running. */
export async function endOrphan(host: Pick<Host, "files" | "run" | "clock" | "log" | "services">): Promise<boolean> {
  const pid = mainProcess(host.files);
  if (pid === undefined || (await host.services.running("keepalived"))) return false;
  host.log("warning", `keepalived (process ${pid}) runs without procd: it is ended, and started as a service`);
  const signal = (name: string): Promise<unknown> =>
    host.run(["kill", `-${name}`, String(pid)], { timeoutMs: 5000, ok: "any" });
  await signal("TERM");
  for (let waited = 0; mainProcess(host.files) === pid; waited += 100) {
    if (waited === waitMs) await signal("KILL");
    if (waited > waitMs + 2000) break;
    await host.clock.sleep(100);
  }
  return true;
}

function mainProcess(files: Host["files"]): number | undefined {
  return pidFiles
    .map((path) => Number(files.readText(path)?.trim()))
    .find((pid) => Number.isInteger(pid) && pid > 1 && isKeepalived(files, pid));
}

function isKeepalived(files: Host["files"], pid: number): boolean {
  try {
    return files.readText(`/proc/${pid}/comm`)?.trim() === "keepalived";
  } catch {
    return false; // it has just ended
  }
}
