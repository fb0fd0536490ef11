/** The failover checks that the backup can do alone, with or without the primary. Pure: facts of this node in, verdicts out. */
import { formatBytes, formatDuration } from "@nethsec/host/units";
import type { DrillCheck, OtherNode } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import { markIsOver, type TimedMark } from "../cluster/timed-mark.ts";
import type { VrrpState } from "../cluster/state.ts";
import type { Connections } from "./conntrackd-state.ts";
import { outChecks } from "./drill.ts";

export interface BackupDrillFacts {
  readonly config: HaConfig;
  readonly state: VrrpState;
  readonly converged: boolean;
  /** Wall clock, milliseconds. */
  readonly now: number;
  /** Wall clock, milliseconds, of the last synchronisation that was applied here. */
  readonly syncedAt: number | undefined;
  /** Files here that differ from what the primary sent last; undefined: nothing was received yet. */
  readonly differing: readonly string[] | undefined;
  readonly connections: Connections | undefined;
  /** Devices that the interfaces need and this node does not have. */
  readonly missingDevices: readonly string[];
  /** Protocols of the interfaces that follow a failover for which this node has no handler. */
  readonly missingProtocols: readonly string[];
  /** Sections of the primary's network that this node refuses, a sentence each. */
  readonly refused: readonly string[];
  readonly freeBytes: number;
  readonly other: OtherNode;
  /** This node's; undefined: there is none. */
  readonly maintenance?: TimedMark | undefined;
}

/** The primary is pinged every 10 s: tolerates two lost answers. */
const heardMs = 30_000;
const freeBytesMin = 8 * 1024 * 1024;

/** When this node carries the site, the checks tell what its own failure would cost; otherwise, whether it can take over. */
export function backupDrillChecks(facts: BackupDrillFacts): DrillCheck[] {
  const { config, state, now, other, syncedAt, differing } = facts;
  if (!config.enabled)
    return [verdict("cluster_enabled", false, "The cluster is disabled: ns-ha-config enable, on the primary node", "")];
  const carries = state === "master";
  const otherMark = other.said?.maintenance;
  const heard = other.seenAt !== undefined && now - other.seenAt < heardMs;
  const ago =
    other.seenAt === undefined
      ? "has not answered since this node was started"
      : `answered ${formatDuration(now - other.seenAt)} ago`;
  return [
    ...outChecks("This node", facts.maintenance),
    ...outChecks("The primary node", otherMark === undefined || markIsOver(otherMark, now) ? undefined : otherMark),
    verdict(
      "backup_ready",
      carries || state === "backup",
      state === "unknown"
        ? "This node runs no keepalived: /etc/init.d/keepalived start"
        : `This node is ${state}: it cannot take over`,
      carries ? "This node carries the site" : "This node is backup, ready to take over",
    ),
    verdict(
      "backup_converged",
      facts.converged,
      "Steps are still open here: ns-ha-config status",
      "Everything on this node is in place",
    ),
    verdict(
      "primary_reachable",
      heard,
      carries
        ? `The primary node ${other.address} ${ago}: if this node failed too, nobody would carry the site`
        : `The primary node ${other.address} ${ago}`,
      `The primary node ${other.address} ${ago}`,
    ),
    verdict(
      "sync_applied",
      syncedAt !== undefined,
      "Nothing was synchronised yet: this node has not the primary's configuration",
      `The primary's configuration is that of ${formatDuration(now - (syncedAt ?? now))} ago`,
    ),
    ...(carries || differing === undefined
      ? []
      : [
          verdict(
            "same_files",
            differing.length === 0,
            `${differing.length} files are not what the primary sent last: ns-ha-config diff`,
            "The files are what the primary sent last",
          ),
        ]),
    verdict(
      "same_devices",
      facts.missingDevices.length === 0,
      `This node has no ${facts.missingDevices.join(", ")}`,
      "This node has the network devices that its interfaces need",
    ),
    verdict(
      "same_protocols",
      facts.missingProtocols.length === 0,
      `This node cannot do the protocol ${facts.missingProtocols.join(", ")}: install here what the primary node has for it`,
      "This node can do the protocols of all interfaces that follow",
    ),
    ...facts.refused.map((text) => verdict("network_accepted", false, text, "")),
    verdict(
      "connections",
      facts.connections !== undefined,
      "conntrackd does not run on this node: /etc/init.d/conntrackd start",
      `This node knows ${facts.connections?.external ?? 0} connections of the other`,
    ),
    verdict(
      "disk_space",
      facts.freeBytes > freeBytesMin,
      `Only ${formatBytes(facts.freeBytes)} are free on this node`,
      `${formatBytes(facts.freeBytes)} are free on this node`,
    ),
  ];
}

const verdict = (code: string, ok: boolean, bad: string, good: string): DrillCheck => ({
  code,
  verdict: ok ? "ok" : "fail",
  text: ok ? good : bad,
});
