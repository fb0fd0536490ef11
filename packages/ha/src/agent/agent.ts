/**
 * The resident agent `ns-ha`: follows keepalived, brings the node into line with its VRRP state, keeps the backup's files equal to the primary's, and
 * serves its socket. It is a list of parts (agent-part.ts); this file builds the list and runs it.
 * Invariants: an interrupted restore is finished or undone before anything else; stopping the agent changes nothing on the node.
 */
import type { Host } from "@nethsec/host/host";
import { serveHttp } from "@nethsec/host/http/http-server";
import { version } from "@nethsec/host/version";
import { recoverNode } from "../change/node-changes.ts";
import { haPaths, readHaConfig } from "../cluster/config.ts";
import { recoverRestore } from "../sync/restore-journal.ts";
import { AddressRepairs } from "./address-repair.ts";
import { NodeAnswers } from "./agent-answers.ts";
import { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { handleAgentRequest } from "./agent-server.ts";
import { Announcements } from "./announcements.ts";
import { ApplyQueue } from "./apply-queue.ts";
import { BackupChangesPart } from "./backup-changes-part.ts";
import { ConfigWatch } from "./config-watch.ts";
import { marksPath } from "./firewall-world.ts";
import { KeepalivedWatch } from "./keepalived-watch.ts";
import { MaintenancePart } from "./maintenance-part.ts";
import { OtherNodePart } from "./other-node.ts";
import { PairReports } from "./pair-reports.ts";
import { PausePart } from "./pause-part.ts";
import { PeerClient } from "./peer-client.ts";
import { PeerWatch } from "./peer-watch.ts";
import { PrimaryAlert } from "./primary-alert.ts";
import { ServiceRevival } from "./revive-services.ts";
import { RevisionPart } from "./revision-part.ts";
import { runParts } from "./run-parts.ts";
import { StateFlow } from "./state-flow.ts";
import { StateFollower } from "./state-follower.ts";
import { SwitchPart } from "./switch-part.ts";
import { SyncPart } from "./sync-part.ts";
import { TwoMasters } from "./two-masters.ts";
import { TransitionLog } from "./transition-log.ts";
import { UplinkPart } from "./uplink-part.ts";

const recoverEveryMs = 5000;

/** Runs until the signal aborts or the node leaves its cluster. Returns the exit code. */
export async function runAgent(host: Host, signal: AbortSignal): Promise<number> {
  await recoverNode(host);
  const config = readHaConfig(host.uci);
  if (config === undefined) {
    host.log("info", "this node belongs to no cluster: nothing to do");
    return 0;
  }
  const node = new AgentNode(host, config);
  const end = (): void => node.end("the agent stops");
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const parts = agentParts(node);
  node.attach(parts);
  const routes = parts.flatMap((part) => part.routes ?? []);
  // Bind the socket first: a second agent fails here, before it reads keepalived's FIFO or touches a restore.
  const server = await serveHttp({
    listen: { kind: "unix", path: host.files.real(haPaths.agentSocket), mode: 0o600 },
    handle: (request) => handleAgentRequest(routes, request),
    failed: (error) =>
      host.log("err", `request failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  });
  try {
    await runParts(parts, host, node.life);
  } finally {
    end();
    await server.stop();
    host.log("info", "stopped");
  }
  return 0;
}

/** In the order in which they are started and notified of changes. Exported for the tests. */
export function agentParts(node: AgentNode): readonly AgentPart[] {
  const rebooted = !node.host.files.exists(marksPath);
  const flow = new StateFlow(node);
  const follower = new StateFollower(node, flow);
  const { reconciler } = follower;
  const announcements = new Announcements(node, reconciler);
  const peer = new PeerClient(node);
  const uplinks: UplinkPart = new UplinkPart(node, {
    backup: () => peer.uplinks(),
    handOver: async (to, begin) => void (await switching.switchTo(to, begin)),
    tellOther: () => other.onState(),
  });
  const other: OtherNodePart = new OtherNodePart(node, peer, uplinks);
  const otherIsOut = (): boolean => other.maintenance !== undefined;
  const sync = new SyncPart(node, flow, otherIsOut);
  const applied = new ApplyQueue(node, reconciler);
  const alert = new PrimaryAlert(node, rebooted, otherIsOut);
  const switching = new SwitchPart(node, peer, alert, reconciler, sync.loop, () => uplinks);
  const reports = new PairReports(node, { peer, loop: sync.loop, reconciler, other, uplinks });
  const pause = new PausePart(node, {
    loop: sync.loop,
    sync: (send) => sync.sync({ wait: true, force: [] }, send),
    diff: () => reports.diff(),
  });
  const maintenance = new MaintenancePart(node, {
    other: () => other.known,
    peer: () => peer.facts(),
    bringUpToDate: () => switching.bringUpToDate(),
    announce: (planned) => switching.announce(planned),
    otherMaintenance: () => other.maintenance,
    tellOther: () => other.onState(),
  });
  return [
    { start: () => recover(node) },
    maintenance,
    flow,
    follower,
    new KeepalivedWatch(node, follower),
    sync,
    new TransitionLog(node),
    alert,
    announcements,
    new ConfigWatch(node),
    other,
    new PeerWatch(node, announcements, other, () => sync.loop.look()),
    new TwoMasters(node, other),
    new AddressRepairs(node),
    new ServiceRevival(node, reconciler),
    { run: (signal) => node.alerts.run(signal) },
    // Undo changes whose process was killed (see change/undo-record.ts); commands do the same when they find one.
    { tick: { everyMs: recoverEveryMs, run: async () => void (await recoverNode(node.host)) } },
    applied,
    new BackupChangesPart(node),
    new RevisionPart(node, { appliedAt: () => applied.appliedAt }),
    pause,
    new NodeAnswers(node, { reconciler, sync, applied, other, pause, uplinks }),
    uplinks,
    reports,
    switching,
  ];
}

/** Recovers an interrupted restore. Failure does not keep the agent from starting: it is raised as a condition. */
function recover({ host, config, conditions }: AgentNode): void {
  const recovered = recoverRestore(host.files);
  if (recovered !== undefined) {
    const { result, trouble } = recovered;
    host.log("warning", `an interrupted restore was ${result}${trouble === undefined ? "" : `: ${trouble}`}`);
    if (trouble !== undefined)
      conditions.raise(
        "restore_failed",
        "error",
        `A restore was interrupted and ${result === "undone" ? "undone" : "could be neither finished nor undone"} (${trouble}). The next synchronisation puts the files right: ns-ha-config sync --wait on the primary.`,
      );
  }
  host.log("info", `${version} started as ${config.role}`);
}
