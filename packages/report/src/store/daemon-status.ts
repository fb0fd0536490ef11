/**
 * `<DUMP_PATH>/.status.json`: what the daemon knows about itself, written at each dump and when the connection to the DPI engine comes
 * or goes. The pages, `ns-report` and `/metrics` read it.
 */
import type { Files } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import { reportMode } from "./report-access.ts";
import * as v from "valibot";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const schema = v.object({
  /** Of the daemon that wrote this. */
  pid: count,
  /** Wall clock, milliseconds since 1970. */
  started: count,
  written: count,
  /** Where flows come from: the socket's path, or "ndpi:br-lan". */
  source: v.string(),
  connected: v.boolean(),
  /** Wall clock of the last event; absent before the first. */
  last_event: v.optional(count),
  /** Wall clock of the last dump that wrote everything; absent before the first. */
  last_dump: v.optional(count),
  /** Why the last dump failed; absent when it did not. */
  dump_error: v.optional(v.string()),
  /** Milliseconds that the last dump took. */
  dump_took: count,
  /** Since the daemon started. */
  events: count,
  malformed: count,
  /** Bytes from the source since the daemon started, and messages of any kind found in them. */
  received: v.optional(count, 0),
  understood: v.optional(count, 0),
  /** Bytes attributed to a client since the daemon started. */
  bytes: count,
  /** Bytes that belong to no client, since the daemon started: `unknown_flow` never had an identity, `not_a_client` had another address, `no_room` had clients that the day had no room for. */
  unattributed: v.object({ unknown_flow: count, not_a_client: count, no_room: v.optional(count, 0) }),
  /** Bytes of live flows that still wait for an identity. */
  waiting: count,
  /** Flows in the table. */
  flows: count,
  /** Clients with traffic in the current hour. */
  clients: count,
  /** Milliseconds between an event's own time stamp and its arrival, of the last counters seen: the engine's lag. */
  lag: count,
  /** Resident memory, bytes. */
  memory: count,
});

export type DaemonStatus = v.InferOutput<typeof schema>;

export function statusPath(base: string): string {
  return `${base}/.status.json`;
}

export interface SeenStatus extends DaemonStatus {
  /** Whether the daemon that wrote this is still there. */
  readonly running: boolean;
}

/** undefined when there is none, or none that this version understands: the daemon has not run here. */
export function readStatus(files: Files, base: string): SeenStatus | undefined {
  const status = readJson(files, statusPath(base), schema);
  return status === undefined ? undefined : { ...status, running: isDaemon(files, status.pid) };
}

/** Numbers of processes are given again: it has to be called dpireport too. */
function isDaemon(files: Files, pid: number): boolean {
  return (files.readText(`/proc/${pid}/cmdline`) ?? "").includes("dpireport");
}

export function writeStatus(files: Files, base: string, status: DaemonStatus): void {
  files.write(statusPath(base), `${JSON.stringify(status)}\n`, { mode: reportMode });
}
