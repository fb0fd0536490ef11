/** Present problems with the reports, derived from the daemon's status. Pure. */
import type { Condition } from "@nethsec/host/host";
import { formatBytes, formatDuration } from "@nethsec/host/units";
import type { SeenStatus } from "../store/daemon-status.ts";

/** Clearly more than the rest of a message that was cut off. */
const manyBytes = 16 * 1024;
/** About ten minutes of agent status messages, one every 15 s. */
const manyMessages = 40;
/** The daemon writes its status at each dump, by default every two minutes; no status for this long is a problem. */
const silentMs = 15 * 60 * 1000;

/** `now`: wall clock, milliseconds. A daemon that never ran is not a condition: the empty pages explain what to do. */
export function reportConditions(status: SeenStatus | undefined, now: number): Condition[] {
  if (status === undefined) return [];
  const conditions: Condition[] = [];
  const add = (code: string, severity: Condition["severity"], text: string): void => {
    conditions.push({ code, severity, since: status.written, text });
  };
  if (!status.running) {
    add(
      "dpireport_stopped",
      "warning",
      `dpireport is not running: nothing has been counted for ${formatDuration(Math.max(0, now - status.written))} at least. Start it: /etc/init.d/dpireport start`,
    );
  } else if (now - status.written > silentMs) {
    add(
      "dpireport_silent",
      "warning",
      `dpireport is running but has written nothing for ${formatDuration(now - status.written)}. Its log may say why: logread -e dpireport`,
    );
  } else if (!status.connected) {
    add(
      "dpi_engine_disconnected",
      "warning",
      `dpireport is not connected to the DPI engine (${status.source}): nothing is counted until it is back.`,
    );
  }
  if (status.running && status.received >= manyBytes && status.understood === 0) {
    add(
      "stream_not_understood",
      "error",
      `dpireport has read ${formatBytes(status.received)} from ${status.source} and found no message in them: that is no flow stream of netifyd. Check what writes there.`,
    );
  } else if (status.running && status.understood >= manyMessages && status.events === 0) {
    add(
      "no_flow_events",
      "warning",
      `dpireport has read ${status.understood} messages from ${status.source}, none of them about a flow: netifyd's output there is not set up to tell flows.`,
    );
  }
  if (status.dump_error !== undefined) {
    add(
      "dump_failed",
      "error",
      `The last figures could not be written: ${status.dump_error} They are kept in memory and written as soon as possible.`,
    );
  }
  return conditions;
}
