/** A rehearsal: what a failover would lose now. Pure: facts of both nodes in, verdicts out. */
import { formatBytes, formatDuration } from "@nethsec/host/units";
import type { VrrpState } from "../cluster/state.ts";
import type { DiffEntry, DrillCheck, Facts } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import type { WanTrouble } from "../cluster/following-interfaces.ts";
import { markText, type TimedMark } from "../cluster/timed-mark.ts";
import type { Connections } from "./conntrackd-state.ts";

export interface DrillFacts {
  readonly config: HaConfig;
  readonly version: string;
  readonly state: VrrpState;
  readonly converged: boolean;
  /** This node's maintenance, and the pause of the synchronisation; undefined: there is none. */
  readonly maintenance?: TimedMark | undefined;
  readonly syncPaused?: TimedMark | undefined;
  /** Wall clock, milliseconds. */
  readonly now: number;
  readonly lastSync: { readonly ok: boolean; readonly status: string; readonly at: number } | undefined;
  readonly connections: Connections | undefined;
  /** Devices that this node's interfaces need. */
  readonly devices: readonly string[];
  /** Protocols of the interfaces that follow a failover. */
  readonly protocols: readonly string[];
  readonly wanTroubles: readonly WanTrouble[];
  /** Total size of the synchronised files, bytes. */
  readonly syncBytes: number;
  readonly diff: readonly DiffEntry[] | undefined;
  /** undefined: the peer did not answer. */
  readonly peer: Facts | undefined;
  readonly peerTrouble: string | undefined;
}

const clockSkewMaxMs = 30_000;
/** Free space that a restore needs in addition to the files it writes. */
const spareBytes = 8 * 1024 * 1024;

export function drillChecks(facts: DrillFacts): DrillCheck[] {
  const { peer, config } = facts;
  if (!config.enabled) return [check("cluster_enabled", false, "the cluster is disabled: ns-ha-config enable", "")];
  const own = [
    ...outChecks("this node", facts.maintenance),
    check(
      "primary_is_master",
      facts.state === "master",
      facts.state === "unknown"
        ? "this node runs no keepalived: /etc/init.d/keepalived start"
        : `this node is ${facts.state}, not master`,
      "this node is master",
    ),
    check(
      "primary_converged",
      facts.converged,
      "steps are still open here: ns-ha-config status",
      "everything on this node is in place",
    ),
    syncCheck(facts),
    ...wanChecks(facts.wanTroubles),
  ];
  if (peer === undefined) {
    return [
      ...own,
      {
        code: "peer_reachable",
        verdict: "fail",
        text: facts.peerTrouble ?? `The backup node ${config.peer.address} does not answer`,
      },
    ];
  }
  return [
    ...own,
    ...outChecks("the backup node", peer.maintenance),
    check("peer_reachable", true, "", `the backup node ${config.peer.address} answers`),
    check(
      "peer_is_backup",
      peer.state === "backup",
      peer.state === "unknown"
        ? "the backup node runs no keepalived and cannot take over: /etc/init.d/keepalived start there"
        : `the backup node is ${peer.state}, not backup`,
      "the other node is backup, ready to take over",
    ),
    check(
      "peer_converged",
      peer.converged,
      "steps are still open on the backup node",
      "everything on the backup node is in place",
    ),
    check(
      "same_version",
      peer.version === facts.version,
      `versions differ: ${facts.version} here, ${peer.version} on the backup: ns-ha-config upgrade-remote`,
      `both nodes run ${facts.version}`,
    ),
    devicesCheck(facts.devices, peer.devices),
    ...protocolsCheck(facts.protocols, peer.protocols),
    ...refusedCheck(peer.refused),
    diffCheck(facts.diff),
    connectionsCheck(facts.connections, peer.connections),
    check(
      "disk_space",
      peer.freeBytes > facts.syncBytes + spareBytes,
      `only ${formatBytes(peer.freeBytes)} are free on the backup node for ${formatBytes(facts.syncBytes)}`,
      `${formatBytes(peer.freeBytes)} are free on the backup node`,
    ),
    clockCheck(facts.now, peer.now),
  ];
}

function check(code: string, ok: boolean, bad: string, good: string): DrillCheck {
  const text = ok ? good : bad;
  return { code, verdict: ok ? "ok" : "fail", text: text.charAt(0).toUpperCase() + text.slice(1) };
}

/** Nothing when the node is in service: that is the rule. */
export function outChecks(node: string, mark: TimedMark | undefined): DrillCheck[] {
  if (mark === undefined) return [];
  const bad = `${node} is in maintenance ${markText(mark)}: there is no second node for a failover (ns-ha-config maintenance off, on that node)`;
  return [check("maintenance", false, bad, "")];
}

function syncCheck({ lastSync, now, config, syncPaused }: DrillFacts): DrillCheck {
  if (syncPaused !== undefined)
    return check("sync_fresh", false, `the synchronisation is paused ${markText(syncPaused)}: ns-ha-config resume`, "");
  if (lastSync === undefined)
    return check("sync_fresh", false, "nothing was synchronised yet: ns-ha-config sync --wait", "");
  const age = Math.max(0, now - lastSync.at);
  const late = age > 3 * config.sync.intervalSeconds * 1000;
  const bad = lastSync.ok
    ? `the last synchronisation was ${formatDuration(age)} ago`
    : `the last synchronisation failed: ${lastSync.status}`;
  return check("sync_fresh", lastSync.ok && !late, bad, `synchronised ${formatDuration(age)} ago`);
}

function devicesCheck(here: readonly string[], there: readonly string[]): DrillCheck {
  const missing = here.filter((device) => !there.includes(device));
  return check(
    "same_devices",
    missing.length === 0,
    `the backup node has no ${missing.join(", ")}`,
    "the backup node has the same network devices",
  );
}

function wanChecks(troubles: readonly WanTrouble[]): DrillCheck[] {
  if (troubles.length === 0) return [check("wan_follows", true, "", "the WAN interfaces follow a failover")];
  return troubles.map(({ verdict, text }) => ({ code: "wan_follows", verdict, text }));
}

/** `there` undefined: the backup runs an older version, which the check same_version reports. */
function protocolsCheck(here: readonly string[], there: readonly string[] | undefined): DrillCheck[] {
  if (there === undefined) return [];
  const missing = here.filter((protocol) => !there.includes(protocol));
  return [
    check(
      "same_protocols",
      missing.length === 0,
      `the backup node cannot do the protocol ${missing.join(", ")}: install there what the primary node has for it`,
      "the backup node can do the protocols of all interfaces that follow",
    ),
  ];
}

function refusedCheck(refused: readonly string[] | undefined): DrillCheck[] {
  if (refused === undefined) return [];
  if (refused.length === 0)
    return [check("network_accepted", true, "", "the backup node took over the network settings")];
  return refused.map((text) => ({ code: "network_accepted", verdict: "fail", text: `On the backup node: ${text}` }));
}

function diffCheck(diff: readonly DiffEntry[] | undefined): DrillCheck {
  if (diff === undefined)
    return { code: "same_files", verdict: "warning", text: "The files of the backup node could not be compared" };
  const withheld = diff.flatMap(({ path, change, detail }) =>
    change === "withheld" ? [`${path} (${detail ?? ""})`] : [],
  );
  const named = withheld.length === 0 ? "" : `; not synchronised: ${withheld.slice(0, 5).join(", ")}`;
  return check(
    "same_files",
    diff.length === 0,
    `${diff.length} files differ: ns-ha-config diff${named}`,
    "the files on both nodes are the same",
  );
}

/** Tolerates 10 % (at least 20) fewer on the backup: connections change between the two queries. */
function connectionsCheck(here: Connections | undefined, there: Connections | undefined): DrillCheck {
  if (here === undefined)
    return check("connections", false, "conntrackd does not run on this node: /etc/init.d/conntrackd start", "");
  if (there === undefined) return check("connections", false, "conntrackd does not run on the backup node", "");
  const lag = here.internal - there.external;
  const ok = lag <= Math.max(20, here.internal * 0.1);
  return check(
    "connections",
    ok,
    `the backup node knows ${there.external} of ${here.internal} connections`,
    `the backup node knows ${there.external} of ${here.internal} connections`,
  );
}

function clockCheck(here: number, there: number): DrillCheck {
  const skew = Math.abs(here - there);
  const text = `The clocks of the nodes are ${formatDuration(skew)} apart`;
  return { code: "clocks", verdict: skew > clockSkewMaxMs ? "warning" : "ok", text };
}
