/** The client's state for `ns-plug status`, the web interface and metrics: one JSON file on tmpfs, written only by the client. */
import type { Host } from "@nethsec/host/host";
import { readJson } from "@nethsec/host/files/read-json";
import * as v from "valibot";

export const statePath = "/var/run/ns-plug/state.json";

const stateSchema = v.object({
  /** Process id of the client; the state is outdated when that process no longer exists. */
  pid: v.number(),
  phase: v.picklist(["registering", "waiting", "connecting", "connected", "failed"]),
  /** Wall clock, ms since 1970: when this phase began. */
  since: v.number(),
  /** The tunnel's address, while connected. */
  address: v.optional(v.string()),
  /** One line: why the client waits, or its last failure. */
  reason: v.optional(v.string()),
});
export type ClientState = v.InferOutput<typeof stateSchema>;

/** State of the running client; undefined when none is running. */
export function readState(files: Host["files"]): ClientState | undefined {
  const state = readLastState(files);
  return state !== undefined && files.exists(`/proc/${state.pid}`) ? state : undefined;
}

/** The last written state, even if its client has ended since. */
export function readLastState(files: Host["files"]): ClientState | undefined {
  return readJson(files, statePath, stateSchema);
}

export function writeState(files: Host["files"], state: ClientState): void {
  files.write(statePath, `${JSON.stringify(state)}\n`, { mode: 0o600 });
}
