/** What the client is doing, for `ns-plug status`, the web interface and metrics: one JSON file on tmpfs, written by the client alone. */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

export const statePath = "/var/run/ns-plug/state.json";

const stateSchema = v.object({
  /** Process id of the client: a state whose process is gone is a thing of the past. */
  pid: v.number(),
  phase: v.picklist(["registering", "waiting", "connecting", "connected", "failed"]),
  /** Wall clock, ms since 1970: when this phase began. */
  since: v.number(),
  /** The tunnel's address, while connected. */
  address: v.optional(v.string()),
  /** One line: why it waits, or the last failure. */
  reason: v.optional(v.string()),
});
export type ClientState = v.InferOutput<typeof stateSchema>;

/** undefined when the client never ran, or no longer does. */
export function readState(files: Host["files"]): ClientState | undefined {
  const state = readLastState(files);
  return state !== undefined && files.exists(`/proc/${state.pid}`) ? state : undefined;
}

/** Also what a client said that has ended since. */
export function readLastState(files: Host["files"]): ClientState | undefined {
  return readJson(files, statePath, stateSchema);
}

export function writeState(files: Host["files"], state: ClientState): void {
  files.write(statePath, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}
