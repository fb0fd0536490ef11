/** What the agent says of its node: to `status` and the pages, and to the other node. Reads only. */
import type { Conditions } from "@nethsec/host/conditions";
import type { Host } from "@nethsec/host/host";
import { formatDuration } from "@nethsec/host/units";
import { version } from "@nethsec/host/version";
import type { AgentStatus, Facts } from "../cluster/agent-client.ts";
import type { HaConfig } from "../cluster/config.ts";
import { readConnections } from "./conntrackd-state.ts";
import type { History } from "./history.ts";
import type { Reconciler } from "./reconciler.ts";
import type { VrrpTracker } from "./vrrp-tracker.ts";

export interface Sources {
  readonly host: Host;
  readonly config: () => HaConfig;
  readonly tracker: VrrpTracker;
  readonly reconciler: Reconciler;
  readonly conditions: Conditions;
  readonly history: History;
  /** Epoch milliseconds since which a change waits to be synchronised; undefined: none does. */
  readonly waitingSince: () => number | undefined;
  /** Epoch milliseconds of the last restore on this node. */
  readonly appliedAt: () => number | undefined;
}

const countersAgeMaxMs = 5000;
const historyTold = 200;

/** State, pending steps, last synchronisation and conditions; keepalived is asked for its counters when they are old. */
export async function agentStatus(sources: Sources): Promise<AgentStatus> {
  const { host, config, tracker, reconciler, conditions } = sources;
  // Counters a moment old are good enough, each question is a line in keepalived's log.
  if (host.clock.monotonic() - tracker.askedAt > countersAgeMaxMs) await tracker.look();
  const { role } = config();
  const { state, since } = tracker.current;
  const recorded = host.uci.readState("keepalived").section("ha_peer");
  const lastSyncStatus = recorded?.get("last_sync_status");
  const lastSyncTime = recorded?.get("last_sync_time");
  return {
    role,
    state,
    stateSince: since,
    converged: reconciler.converged,
    pending: [...reconciler.pending, ...unsent(sources)],
    ...(lastSyncStatus === undefined ? {} : { lastSyncStatus }),
    ...(lastSyncTime === undefined ? {} : { lastSyncTime: Number(lastSyncTime) * 1000 }),
    conditions: [...conditions.list()],
    keepalivedStats: { ...tracker.stats },
  };
}

/** A change that is younger is on its way. */
const unsentAfterMs = 2000;

/** A failover at this moment would not have it: `status` says so. */
function unsent({ host, waitingSince }: Sources): string[] {
  const since = waitingSince();
  const age = since === undefined ? 0 : host.clock.now() - since;
  return age < unsentAfterMs ? [] : [`a change made ${formatDuration(age)} ago is not yet on the backup`];
}

/** What the other node asks for, e.g. before a switchover. */
export async function nodeFacts(sources: Sources): Promise<Facts> {
  const { config, tracker, reconciler, history } = sources;
  const appliedAt = sources.appliedAt();
  const { host } = sources;
  const [addresses, connections] = await Promise.all([host.net.addresses(), readConnections(host)]);
  return {
    version,
    role: config().role,
    state: tracker.current.state,
    converged: reconciler.converged,
    now: host.clock.now(),
    freeBytes: host.system.fileSystem("/").free,
    devices: addresses.map(({ device }) => device),
    ...(connections === undefined ? {} : { connections }),
    ...(appliedAt === undefined ? {} : { appliedAt }),
    history: history.list(historyTold),
  };
}
