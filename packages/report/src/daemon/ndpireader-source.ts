/**
 * `ndpiReader` on a network device as a flow source, in consecutive windows. It does not capture between two windows: the fraction of a second that
 * it takes to start is missing from the reports (docs/reports.md says so).
 *
 * The rows are passed through a file in memory: a child's stdout is a socket here, which cannot be opened as the file that `-C` needs. Invariant:
 * traffic seen by a window is counted, even when the daemon stops in the middle of the window.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { RunError } from "@nethsec/host/process/run-error";
import { messageOf } from "@nethsec/host/message-of";
import type { FlowSource } from "./flow-source.ts";
import { NdpiFlows } from "./ndpi-flows.ts";

const windowSeconds = 15;
/** When the device cannot be read, ndpiReader exits sooner than this. */
const startedMs = 1000;
const retryMs = 5000;
const maxRowsBytes = 64 * 1024 * 1024;

type Machine = Pick<Host, "files" | "run" | "clock">;

/** `device`: the LAN's, e.g. "br-lan": on the WAN side addresses are already translated. `pid`: of this process. */
export function ndpireaderSource(device: string, pid: number, host: Machine): FlowSource {
  const path = `/var/run/ns-report/ndpi.${pid}.csv`;
  return async (listener, signal) => {
    const flows = new NdpiFlows(device);
    const { clock } = host;
    let connected = false;
    const connect = (): void => {
      if (!connected) listener.connected();
      connected = true;
    };
    while (!signal.aborted) {
      const ended = new AbortController();
      void clock.sleep(startedMs, ended.signal).then(connect, () => undefined);
      try {
        const csv = await oneWindow(device, path, host, signal);
        connect();
        listener.data(new TextEncoder().encode(flows.window(csv, clock.now())));
      } catch (error) {
        if (signal.aborted) return;
        ended.abort();
        connected = false;
        listener.disconnected(messageOf(error), retryMs);
        await clock.sleep(retryMs, signal).catch(() => undefined);
      } finally {
        ended.abort();
      }
    }
  };
}

/** The rows as CSV. On abort, the rows so far: SIGINT makes ndpiReader print them, SIGTERM would not. */
async function oneWindow(device: string, path: string, { files, run }: Machine, signal: AbortSignal): Promise<string> {
  // Created here to set its mode, and emptied so that no rows are read twice.
  files.write(path, "", { mode: 0o600 });
  try {
    const argv = ["ndpiReader", "-i", device, "-s", String(windowSeconds), "-q", "-C", files.real(path)] as const;
    const { stdout } = await run(argv, { timeoutMs: (windowSeconds + 20) * 1000, signal, stopWith: "SIGINT" }).catch(
      (error: unknown) => {
        if (error instanceof RunError && error.code === "program_aborted" && error.result) return error.result;
        throw error;
      },
    );
    const size = files.stat(path)?.size ?? 0;
    if (size === 0 || size > maxRowsBytes) {
      throw new NethsecError({
        code: "no_rows",
        message: `ndpiReader wrote ${size === 0 ? "no rows" : `${size} bytes of rows, too many`}${stdout === "" ? "" : `: ${stdout.trim().slice(0, 200)}`}`,
      });
    }
    return files.readText(path) ?? "";
  } finally {
    files.remove(path);
  }
}
