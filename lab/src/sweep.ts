/** Removes a lab in any state: also after a crash, and without its state files. */
import { processesOfLab } from "./process.ts";
import { labsWithState, type State } from "./state.ts";
import { until } from "@nethsec/host/testing/until";

/** Ends all processes of the lab and removes its files; false if there were none. lab/node/runner does not reboot a node whose process 1 is killed. */
export async function sweep(state: State): Promise<boolean> {
  const found = processesOfLab(state.name).length > 0 || labsWithState().includes(state.name);
  await until(
    () => {
      const pids = processesOfLab(state.name);
      for (const pid of pids) killIfThere(pid);
      return pids.length === 0;
    },
    { what: `the processes of lab "${state.name}" have ended`, timeoutMs: 15_000, everyMs: 10 },
  );
  state.remove();
  return found;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // The process has ended meanwhile.
  }
}
