/**
 * `ndpiReader` on a network device as a flow source, in windows one after the other. Between two windows it does not capture: the
 * fraction of a second that it takes to start is missing from the reports (docs/reports.md says so).
 */
import type { Clock, Run } from "@nethsec/host/host";
import type { FlowSource } from "./flow-source.ts";
import { NdpiFlows } from "./ndpi-flows.ts";

const windowSeconds = 15;
const retryMs = 5000;
const maxOutput = 64 * 1024 * 1024;

/** `device`: the LAN's, e.g. "br-lan": on the WAN side addresses are translated already. */
export function ndpireaderSource(device: string, run: Run, clock: Clock): FlowSource {
  return async (listener, signal) => {
    const flows = new NdpiFlows(device);
    let connected = false;
    while (!signal.aborted) {
      try {
        const argv = ["ndpiReader", "-i", device, "-s", String(windowSeconds), "-q", "-C", "/dev/stdout"] as const;
        const { stdout } = await run(argv, { timeoutMs: (windowSeconds + 20) * 1000, maxOutput, signal });
        if (!connected) listener.connected();
        connected = true;
        listener.data(new TextEncoder().encode(flows.window(stdout, clock.now())));
      } catch (error) {
        if (signal.aborted) return;
        connected = false;
        listener.disconnected(error instanceof Error ? error.message : String(error), retryMs);
        await clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  };
}
