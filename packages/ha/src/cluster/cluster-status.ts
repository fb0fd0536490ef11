/** The cluster as this node sees it: configuration, the agent's status, the last synchronisation. Reads only. */
import type { Condition, Host } from "@nethsec/host/host";
import type { VrrpState } from "./state.ts";
import { agentClient } from "./agent-client.ts";
import type { AgentStatus, OtherNode } from "./agent-schemas.ts";
import { haPaths, readHaConfig, type Role, type Timing } from "./config.ts";
import { isUnderWay, readJournal } from "./journal.ts";
import { markText, readMark, type TimedMark } from "./timed-mark.ts";
import { hold } from "./tracked-priority.ts";
import { readUplinkMove } from "./uplinks.ts";

export interface ClusterStatus {
  readonly role: Role | "unknown";
  readonly status: "enabled" | "disabled";
  readonly state: VrrpState;
  readonly timing: Timing;
  readonly lastSyncStatus: string | undefined;
  /** Seconds since 1970. */
  readonly lastSyncTime: number | undefined;
  /** By UCI section, in order. */
  readonly virtualIps: readonly { readonly section: string; readonly options: Readonly<Record<string, string>> }[];
  readonly keepalivedStats: Readonly<Record<string, number>>;
  /** What this node knows of the other one; undefined without an agent. */
  readonly otherNode: OtherNode | undefined;
  /** This node's maintenance, and the pause of the synchronisation; undefined: there is none. */
  readonly maintenance: TimedMark | undefined;
  readonly syncPaused: AgentStatus["syncPaused"];
  /** The watched WANs; undefined: none is watched, or there is no agent. */
  readonly uplinks: AgentStatus["uplinks"];
  /** This node's wall clock at the time of the query, milliseconds. */
  readonly now: number;
  /** Steps the agent has not completed yet; empty when converged or when there is no agent. */
  readonly pending: readonly string[];
  readonly conditions: readonly Pick<Condition, "code" | "severity" | "text">[];
}

type Machine = Pick<Host, "uci" | "files" | "clock">;

export async function clusterStatus(host: Machine): Promise<ClusterStatus> {
  const config = readHaConfig(host.uci);
  const agent = config === undefined ? undefined : await agentClient(host.files.real(haPaths.agentSocket)).status();
  const sync = config === undefined ? undefined : host.uci.readState("keepalived").section("ha_peer");
  const time = Number(sync?.get("last_sync_time") ?? "");
  const conditions: Pick<Condition, "code" | "severity" | "text">[] = [...(agent?.conditions ?? [])];
  if (config !== undefined && agent === undefined) {
    const text =
      "The agent ns-ha does not run on this node: services do not follow the cluster. Start it: /etc/init.d/ns-ha start";
    conditions.push({ code: "ha_agent_not_running", severity: "error", text });
  }
  const journal = readJournal(host);
  if (journal !== undefined && !isUnderWay(host)) {
    const text = `A change was interrupted, the nodes may differ. Complete it: ns-ha-config ${journal.action}`;
    conditions.push({ code: "change_interrupted", severity: "warning", text });
  }
  const maintenance = config === undefined ? undefined : readMark(host.files, "maintenance");
  if (maintenance !== undefined && agent === undefined) {
    const text = `This node is in maintenance ${markText(maintenance)}.`;
    conditions.push({ code: "maintenance", severity: "warning", text });
  }
  const priority = Number(host.files.readText(haPaths.priorityFile)?.trim() ?? "");
  if (priority === hold) {
    const text =
      "This node fetches what the backup node learnt while it carried the site, then it takes the site back.";
    conditions.push({ code: "fetching_state", severity: "info", text });
  } else if (priority < 0 && maintenance === undefined) {
    const move = readUplinkMove(host.files);
    const why =
      move?.to === "backup" && move.attempt > 0
        ? "because all watched WANs of this node were dead"
        : "by ns-ha-config switch";
    const text = `The site was handed over to the backup node ${why}. To take it back: ns-ha-config switch --to primary`;
    conditions.push({ code: "handed_over", severity: "info", text });
  }
  return {
    role: config?.role ?? "unknown",
    status: config?.enabled === true ? "enabled" : "disabled",
    state: agent?.state ?? "unknown",
    timing: config?.timing ?? "classic",
    lastSyncStatus: sync?.get("last_sync_status"),
    lastSyncTime: Number.isInteger(time) && time > 0 ? time : undefined,
    virtualIps: config === undefined ? [] : virtualIps(host),
    keepalivedStats: agent?.keepalivedStats ?? {},
    otherNode: agent?.otherNode,
    maintenance,
    syncPaused: agent?.syncPaused,
    uplinks: agent?.uplinks,
    now: host.clock.now(),
    pending: agent?.pending ?? [],
    conditions,
  };
}

function virtualIps(host: Machine): ClusterStatus["virtualIps"] {
  const sections = host.uci.read("keepalived").ofType("ipaddress");
  return sections.map((section) => ({
    section: section.name,
    options: Object.fromEntries(section.options.map((option) => [option, section.get(option) ?? ""])),
  }));
}
