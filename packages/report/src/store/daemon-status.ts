/**
 * `<DUMP_PATH>/.status.json`: the daemon's status, written at each dump and when the connection to the DPI engine begins or ends. The pages,
 * `ns-report` and `/metrics` read it.
 */
import type { Files } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import { reportMode } from "./report-access.ts";
import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const schema = v.object({
  /** Process id of the daemon. */
  pid: count,
  /** Wall clock, milliseconds since 1970. */
  started: count,
  written: count,
  /** Source of the flows: the socket's path, or "ndpi:br-lan". */
  source: v.string(),
  connected: v.boolean(),
  /** Wall clock of the last event; absent before the first. */
  last_event: v.optional(count),
  /** Wall clock of the last dump that wrote everything; absent before the first. */
  last_dump: v.optional(count),
  /** Error of the last dump; absent when it succeeded. */
  dump_error: v.optional(v.string()),
  /** Duration of the last dump, milliseconds. */
  dump_took: count,
  /** Flow events since the daemon started. */
  events: count,
  malformed: count,
  /** Bytes from the source since the daemon started, and messages of any kind found in them. */
  received: v.optional(count, 0),
  understood: v.optional(count, 0),
  /** Bytes attributed to a client since the daemon started. */
  bytes: count,
  /** The part of `bytes` that is known to have gone to the clients, and from them; absent in the status of an earlier version. */
  download: v.optional(count),
  upload: v.optional(count),
  /**
   * Bytes that belong to no client, since the daemon started. `unknown_flow`: flows that never had an identity; `not_a_client`: other addresses;
   * `no_room`: clients for which the day had no room.
   */
  unattributed: v.object({ unknown_flow: count, not_a_client: count, no_room: v.optional(count, 0) }),
  /** Bytes of live flows that still wait for an identity. */
  waiting: count,
  /** Flows in the table. */
  flows: count,
  /** Clients with traffic in the current hour. */
  clients: count,
  /** The engine's lag: milliseconds from an event's time stamp to its arrival, for the latest counters. */
  lag: count,
  /** Resident memory, bytes. */
  memory: count,
});

export type DaemonStatus = v.InferOutput<typeof schema>;

export function statusPath(base: string): string {
  return `${base}/.status.json`;
}

export interface SeenStatus extends DaemonStatus {
  /** Whether the daemon that wrote this is still running. */
  readonly running: boolean;
}

/** undefined when there is no status, or none that this version understands: the daemon has not run here. */
export function readStatus(files: Files, base: string): SeenStatus | undefined {
  const status = readJson(files, statusPath(base), schema);
  return status === undefined ? undefined : { ...status, running: isDaemon(files, status.pid) };
}

/** Process ids are reused: the process must also be called dpireport. */
function isDaemon(files: Files, pid: number): boolean {
  return (files.readText(`/proc/${pid}/cmdline`) ?? "").includes("dpireport");
}

export function writeStatus(files: Files, base: string, status: DaemonStatus): void {
  files.write(statusPath(base), `${JSON.stringify(status)}\n`, { mode: reportMode });
}
