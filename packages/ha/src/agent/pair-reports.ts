/** Reports that cover both nodes: history, differences of their files, the rehearsal of a failover. */
import { version } from "@nethsec/host/version";
import { messageOf } from "@nethsec/host/message-of";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { DiffEntry, DrillCheck, Facts, HistoryEntry } from "../cluster/agent-schemas.ts";
import { requiredDevices } from "../cluster/checks.ts";
import { followingProtocols, wanTroubles } from "../cluster/following-interfaces.ts";
import { readMark } from "../cluster/timed-mark.ts";
import { diffEntries } from "../sync/diff.ts";
import { heldEntries } from "../sync/held-entries.ts";
import { stagedManifest } from "../sync/staged-manifest.ts";
import type { SyncLoop } from "../sync/sync-loop.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { refusedNow } from "./agent-answers.ts";
import { answers, streams } from "./agent-server.ts";
import { readConnections } from "./conntrackd-state.ts";
import { backupDrillChecks } from "./drill-of-backup.ts";
import { drillChecks } from "./drill.ts";
import { mergeHistory } from "./history.ts";
import type { OtherNodePart } from "./other-node.ts";
import type { PeerClient } from "./peer-client.ts";
import type { Reconciler } from "./reconciler.ts";
import { uplinkChecks } from "./uplink-drill.ts";
import type { UplinkPart } from "./uplink-part.ts";

/** Above this clock difference, the other node's entries are corrected: otherwise the merged order would be wrong. */
const skewMinMs = 2000;

/** The other node's entries, with their times converted to this node's clock. */
export function asHere({ now, history }: Pick<Facts, "now" | "history">, here: number): readonly HistoryEntry[] {
  const skew = now - here;
  return Math.abs(skew) < skewMinMs ? history : history.map((entry) => ({ ...entry, at: Math.round(entry.at - skew) }));
}

/** The parts that supply the data. */
export interface ReportSources {
  readonly peer: PeerClient;
  readonly loop: SyncLoop;
  readonly reconciler: Reconciler;
  readonly other: OtherNodePart;
  readonly uplinks: UplinkPart;
}

export class PairReports implements AgentPart {
  readonly #node: AgentNode;
  readonly #peer: PeerClient;
  readonly #sync: SyncLoop;
  readonly #reconciler: Reconciler;
  readonly #other: OtherNodePart;
  readonly #uplinks: UplinkPart;

  constructor(node: AgentNode, { peer, loop, reconciler, other, uplinks }: ReportSources) {
    this.#other = other;
    this.#node = node;
    this.#peer = peer;
    this.#sync = loop;
    this.#reconciler = reconciler;
    this.#uplinks = uplinks;
  }

  readonly routes = [
    streams(agentEndpoints.history, ({ limit, follow }, send, signal) =>
      this.#sendHistory(limit, follow, send, signal),
    ),
    answers(agentEndpoints.diff, async () => ({ entries: await this.diff() })),
    answers(agentEndpoints.drill, async () => ({ checks: await this.drill() })),
  ];

  async #sendHistory(
    limit: number,
    follow: boolean,
    send: (entry: HistoryEntry) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const entry of await this.history(limit)) send(entry);
    if (!follow || signal.aborted) return;
    this.#node.history.follow(send, signal);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  }

  /**
   * On the primary: differences to the backup's files; throws the link's errors. On the backup: differences to what the primary sent last.
   */
  async diff(): Promise<DiffEntry[]> {
    if (this.#node.config.role === "backup") return this.#diffOfBackup();
    const [here, there] = await Promise.all([this.#sync.describe(this.#node.config), this.#peer.held()]);
    return diffEntries(here.manifest.entries, there, here.withheld);
  }

  /** The last `limit` entries of both nodes. When the other does not answer: of this one alone, with a last entry that says so. */
  async history(limit: number): Promise<HistoryEntry[]> {
    const { config, host, history } = this.#node;
    const own = history.list(limit);
    const { role, peer } = config;
    if (role !== "primary") return own;
    const facts = await this.#peer.facts().catch(() => undefined);
    const at = host.clock.now();
    if (facts !== undefined) return mergeHistory(own, asHere(facts, at), limit);
    const text = `the backup node ${peer.address} does not answer: its entries are not in this list`;
    return mergeHistory(own, [{ at, node: role, kind: "fault", text }], limit);
  }

  async drill(): Promise<DrillCheck[]> {
    const { host, config, state } = this.#node;
    if (config.role === "backup") return this.#drillOfBackup();
    const { last, lastAt } = this.#sync;
    let peerTrouble: string | undefined;
    const [peer, diff, connections, described] = await Promise.all([
      this.#peer.facts().catch((error: unknown) => {
        peerTrouble = messageOf(error);
        return undefined;
      }),
      this.diff().catch(() => undefined),
      readConnections(host),
      this.#sync.describe(config),
    ]);
    const checks = drillChecks({
      maintenance: readMark(host.files, "maintenance"),
      syncPaused: readMark(host.files, "sync-paused"),
      state,
      converged: this.#reconciler.converged,
      lastSync:
        last === undefined || lastAt === undefined ? undefined : { ok: last.ok, status: last.status, at: lastAt },
      config,
      version,
      now: host.clock.now(),
      connections,
      devices: requiredDevices(host.uci.read("network")),
      protocols: followingProtocols(host.uci, "primary"),
      wanTroubles: wanTroubles(
        host.uci,
        config.interfaces.map(({ name }) => name),
      ),
      syncBytes: described.manifest.entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0),
      diff,
      peer,
      peerTrouble,
    });
    const report = this.#uplinks.report;
    return [...checks, ...uplinkChecks(report, { carries: state === "master", there: peer?.uplinkCarriers })];
  }

  async #diffOfBackup(): Promise<DiffEntry[]> {
    const { host, config } = this.#node;
    const { entries, kept } = stagedManifest(host, config, undefined);
    const withheld = kept.map((path) => ({ path, reason: "the primary does not send it now" }));
    return diffEntries(entries, await heldEntries(host, config), withheld);
  }

  async #drillOfBackup(): Promise<DrillCheck[]> {
    const { host, config, state } = this.#node;
    const [addresses, connections, protocols] = await Promise.all([
      host.net.addresses(),
      readConnections(host),
      host.net.protocols().catch(() => undefined),
    ]);
    const present = new Set(addresses.map(({ device }) => device));
    const synced = Number(host.uci.readState("keepalived").section("ha_peer")?.get("last_sync_time") ?? "");
    const checks = backupDrillChecks({
      config,
      state,
      converged: this.#reconciler.converged,
      now: host.clock.now(),
      syncedAt: synced > 0 ? synced * 1000 : undefined,
      differing: await this.#differing(),
      connections,
      missingDevices: requiredDevices(host.uci.read("network")).filter((device) => !present.has(device)),
      missingProtocols: followingProtocols(host.uci, "backup").filter((each) => protocols?.includes(each) === false),
      refused: refusedNow(host, config).refused ?? [],
      freeBytes: host.system.fileSystem("/").free,
      other: this.#other.known,
      maintenance: readMark(host.files, "maintenance"),
    });
    const report = this.#uplinks.report;
    const here = state === "master" ? undefined : await this.#uplinks.carriers();
    return [...checks, ...uplinkChecks(report, { carries: state === "master", here })];
  }

  /** undefined: nothing was received yet, or the staging area is being written to. */
  async #differing(): Promise<string[] | undefined> {
    try {
      return (await this.#diffOfBackup()).map(({ path }) => path);
    } catch {
      return undefined;
    }
  }
}
