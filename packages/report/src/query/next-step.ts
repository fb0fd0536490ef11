/** What to do when there are no figures, from what the daemon says about itself. Pure. */
import type { DaemonStatus } from "../store/daemon-status.ts";

export interface NextStep {
  readonly text: string;
  /** What to type. */
  readonly command: string | undefined;
}

export function nextStep(daemon: DaemonStatus | undefined, reportPath: string): NextStep {
  if (daemon === undefined)
    return {
      text: `dpireport has not written to ${reportPath} yet. Is it running? Start it, and look at "logread -e dpireport" if it does not stay:`,
      command: "/etc/init.d/dpireport start",
    };
  if (!daemon.connected && daemon.source.startsWith("ndpi:"))
    return {
      text: `dpireport is running but ndpiReader does not read ${daemon.source.slice(5)}. Its log says why:`,
      command: "logread -e dpireport",
    };
  if (!daemon.connected)
    return {
      text: `dpireport is running but not connected to the DPI engine (${daemon.source}). Is netifyd running?`,
      command: "/etc/init.d/netifyd status",
    };
  return {
    text: "dpireport is connected. The first figures appear with its next dump, two minutes after the first traffic at the latest (DUMP_TIMEOUT).",
    command: undefined,
  };
}
