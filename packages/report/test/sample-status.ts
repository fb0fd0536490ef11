/** The status of a daemon that is well. */
import type { DaemonStatus } from "../src/store/daemon-status.ts";

/** `now`: when it was written, milliseconds since 1970. */
export function sampleStatus(now: number): DaemonStatus {
  return {
    pid: 1,
    started: now - 90_000,
    written: now,
    source: "/var/run/netifyd/netifyd.sock",
    connected: true,
    last_event: now,
    last_dump: now,
    dump_took: 5,
    events: 1234,
    malformed: 0,
    received: 500_000,
    understood: 1300,
    bytes: 5,
    unattributed: { unknown_flow: 3, not_a_client: 4, no_room: 0 },
    waiting: 0,
    flows: 2,
    clients: 1,
    lag: 20,
    memory: 30_000_000,
  };
}
