/** What to do when there are no figures, derived from the daemon's status. Pure. */
import type { SeenStatus } from "../store/daemon-status.ts";

export interface NextStep {
  readonly text: string;
  /** The command to run. */
  readonly command: string | undefined;
}

const start = "/etc/init.d/dpireport start";

/** `follows`: the caller shows the live hour, not the last dump. */
export function nextStep(daemon: SeenStatus | undefined, reportPath: string, follows = false): NextStep {
  if (daemon === undefined)
    return {
      text: `dpireport has not written to ${reportPath} yet. Is it running? Start it, and look at "logread -e dpireport" if it does not stay:`,
      command: start,
    };
  if (!daemon.running)
    return {
      text: 'dpireport is not running. Start it, and look at "logread -e dpireport" if it does not stay:',
      command: start,
    };
  if (!daemon.connected && daemon.source.startsWith("ndpi:"))
    return {
      text: `dpireport is running but ndpiReader does not read ${daemon.source.slice(5)}. Its log says why:`,
      command: "logread -e dpireport",
    };
  if (!daemon.connected && daemon.source.startsWith("http:"))
    return {
      text: `dpireport is running but netifyd sends nothing to ${daemon.source}. Is netifyd running, with the output that "ns-report source auto" sets up?`,
      command: "ns-report source auto",
    };
  if (!daemon.connected)
    return {
      text: `dpireport is running but not connected to the DPI engine (${daemon.source}). Is netifyd running?`,
      command: "/etc/init.d/netifyd status",
    };
  if (follows)
    return {
      text: "dpireport is connected. Figures appear here a few seconds after the first traffic of this hour is reported.",
      command: undefined,
    };
  return {
    text: "dpireport is connected. The first figures appear with its next dump, two minutes after the first traffic at the latest (DUMP_TIMEOUT).",
    command: undefined,
  };
}
