/** The agent's state as OpenMetrics. Pure. */
import type { Metric } from "@nethsec/host/metrics";
import type { AgentStatus } from "../cluster/agent-schemas.ts";

/** undefined: the agent does not run. */
export function agentMetrics(status: AgentStatus | undefined): Metric[] {
  const gauge = (name: string, help: string, value: number, unit?: string): Metric => ({
    name,
    help,
    type: "gauge",
    ...(unit === undefined ? {} : { unit }),
    samples: [{ value }],
  });
  if (status === undefined) return [gauge("nethsec_ha_agent_up", "Whether the agent ns-ha runs.", 0)];
  const states = ["init", "backup", "master", "fault", "unknown"] as const;
  return [
    gauge("nethsec_ha_agent_up", "Whether the agent ns-ha runs.", 1),
    {
      name: "nethsec_ha_state",
      help: "VRRP state of this node: 1 for the current one.",
      type: "gauge",
      samples: states.map((state) => ({ labels: { state, role: status.role }, value: status.state === state ? 1 : 0 })),
    },
    gauge("nethsec_ha_converged", "1 when everything is as the state wants it.", status.converged ? 1 : 0),
    gauge("nethsec_ha_pending_steps", "Steps that are still to be done.", status.pending.length),
    gauge("nethsec_ha_maintenance", "1 while this node is in maintenance.", status.maintenance === undefined ? 0 : 1),
    gauge(
      "nethsec_ha_sync_paused",
      "1 while the synchronisation is paused (primary).",
      status.syncPaused === undefined ? 0 : 1,
    ),
    gauge(
      "nethsec_ha_sync_ok",
      "1 when the last synchronisation succeeded.",
      status.lastSyncStatus === "Successful" ? 1 : 0,
    ),
    ...(status.lastSyncTime === undefined
      ? []
      : [
          gauge(
            "nethsec_ha_sync_time_seconds",
            "When the last synchronisation ended.",
            Math.floor(status.lastSyncTime / 1000),
            "seconds",
          ),
        ]),
    {
      name: "nethsec_ha_condition",
      help: "Active conditions.",
      type: "gauge",
      samples: status.conditions.map(({ code, severity }) => ({ labels: { code, severity }, value: 1 })),
    },
    {
      name: "nethsec_ha_keepalived",
      help: "Counters of keepalived since it started.",
      type: "counter",
      samples: Object.entries(status.keepalivedStats).map(([counter, value]) => ({ labels: { counter }, value })),
    },
  ];
}
