/** Reports on this node, for `status`, the web pages and the other node. Read-only. */
import type { Host } from "@nethsec/host/host";
import { formatDuration } from "@nethsec/host/units";
import { version } from "@nethsec/host/version";
import type { AgentStatus, Facts } from "../cluster/agent-schemas.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import type { ApplyQueue } from "./apply-queue.ts";
import type { HaConfig } from "../cluster/config.ts";
import { readExport } from "../sync/export-files.ts";
import { importConflicts, ownInterfaces } from "../sync/network-import.ts";
import { readConnections } from "./conntrackd-state.ts";
import { readMark } from "../cluster/timed-mark.ts";
import type { PausePart } from "./pause-part.ts";
import type { OtherNodePart } from "./other-node.ts";
import type { Reconciler } from "./reconciler.ts";
import type { SyncPart } from "./sync-part.ts";
import type { UplinkPart } from "./uplink-part.ts";

const countersAgeMaxMs = 5000;
const historyTold = 200;

/** The parts that supply the data. */
export interface Sources {
  readonly reconciler: Reconciler;
  readonly sync: SyncPart;
  readonly applied: ApplyQueue;
  readonly other: OtherNodePart;
  readonly pause: PausePart;
  readonly uplinks: UplinkPart;
}

export class NodeAnswers implements AgentPart {
  readonly #node: AgentNode;
  readonly #sources: Sources;

  constructor(node: AgentNode, sources: Sources) {
    this.#node = node;
    this.#sources = sources;
  }

  readonly routes = [
    answers(agentEndpoints.status, () => agentStatus(this.#node, this.#sources)),
    answers(agentEndpoints.facts, () => nodeFacts(this.#node, this.#sources)),
  ];
}

/** State, pending steps, last synchronisation and conditions. Queries keepalived when its counters are older than `countersAgeMaxMs`. */
async function agentStatus(
  node: AgentNode,
  { reconciler, sync, other, pause, uplinks }: Sources,
): Promise<AgentStatus> {
  const { host, config, tracker, conditions } = node;
  // Slightly old counters are good enough: each query adds a line to keepalived's log.
  if (host.clock.monotonic() - tracker.askedAt > countersAgeMaxMs) await tracker.queryKeepalived();
  const { role } = config;
  const { state, since } = tracker.current;
  const maintenance = readMark(host.files, "maintenance");
  const { paused } = pause;
  const { report } = uplinks;
  const recorded = host.uci.readState("keepalived").section("ha_peer");
  const lastSyncStatus = recorded?.get("last_sync_status");
  const lastSyncTime = recorded?.get("last_sync_time");
  return {
    role,
    state,
    stateSince: since,
    converged: reconciler.converged,
    pending: [...reconciler.pending, ...unsent(node.host, sync.waitingSince)],
    ...(lastSyncStatus === undefined ? {} : { lastSyncStatus }),
    ...(lastSyncTime === undefined ? {} : { lastSyncTime: Number(lastSyncTime) * 1000 }),
    conditions: [...conditions.list()],
    otherNode: other.known,
    ...(maintenance === undefined ? {} : { maintenance }),
    ...(paused === undefined ? {} : { syncPaused: paused }),
    ...(report === undefined ? {} : { uplinks: report }),
    keepalivedStats: { ...tracker.stats },
  };
}

/** A younger change is normally still being sent: not worth reporting. */
const unsentAfterMs = 2000;

/** A pending line for `status` when a change would be lost by a failover now. */
function unsent({ clock }: Pick<Host, "clock">, since: number | undefined): string[] {
  const age = since === undefined ? 0 : clock.now() - since;
  return age < unsentAfterMs ? [] : [`a change made ${formatDuration(age)} ago is not yet on the backup`];
}

/** Facts for the other node, e.g. before a switchover. */
async function nodeFacts(node: AgentNode, { reconciler, applied, uplinks }: Sources): Promise<Facts> {
  const { host, config, tracker, history } = node;
  const { appliedAt } = applied;
  const [addresses, connections, protocols, uplinkCarriers] = await Promise.all([
    host.net.addresses(),
    readConnections(host),
    host.net.protocols().catch(() => undefined),
    uplinks.carriers(),
  ]);
  const maintenance = readMark(host.files, "maintenance");
  return {
    ...(maintenance === undefined ? {} : { maintenance }),
    version,
    role: config.role,
    state: tracker.current.state,
    converged: reconciler.converged,
    now: host.clock.now(),
    freeBytes: host.system.fileSystem("/").free,
    devices: addresses.map(({ device }) => device),
    ...(protocols === undefined ? {} : { protocols }),
    ...refusedNow(host, config),
    ...(connections === undefined ? {} : { connections }),
    ...(appliedAt === undefined ? {} : { appliedAt }),
    uplinkCarriers,
    history: history.list(historyTold),
  };
}

/** Sections of the primary's network that an import would refuse now; {} on the primary, and when the export cannot be read. */
export function refusedNow(host: Pick<Host, "files" | "uci" | "log">, config: HaConfig): { refused?: string[] } {
  if (config.role !== "backup") return {};
  try {
    const records = readExport(host.files);
    return { refused: importConflicts(host.uci.read("network"), records, ownInterfaces(config)) };
  } catch (error) {
    // The restore has already reported this fault.
    host.log("debug", `the primary's network was not compared: ${String(error)}`);
    return {};
  }
}
