/** Schemas of the agent's answers. Which endpoint returns which: agent-endpoints.ts. */
import * as v from "valibot";
import { vrrpStateSchema } from "./state.ts";
import { timedMarkSchema } from "./timed-mark.ts";
import { uplinkCarrierSchema, uplinkReportSchema } from "./uplinks.ts";

const conditionSchema = v.object({
  code: v.string(),
  severity: v.picklist(["info", "warning", "error"]),
  /** Wall clock, milliseconds since 1970. */
  since: v.number(),
  text: v.string(),
});

/** What the nodes exchange about themselves at intervals. */
export const meetingSchema = v.object({
  version: v.string(),
  state: vrrpStateSchema,
  /** Names of changes made on the backup while it was active, now kept aside there. */
  keptChanges: v.optional(v.array(v.string())),
  /** Absent: that node is not in maintenance. */
  maintenance: v.optional(timedMarkSchema),
  /** The watched WANs; absent: none is watched there. */
  uplinks: v.optional(uplinkReportSchema),
});
export type Meeting = v.InferOutput<typeof meetingSchema>;

export const otherNodeSchema = v.object({
  role: v.picklist(["primary", "backup"]),
  address: v.string(),
  /** Wall clock of the last answer, milliseconds; undefined: none since this node was started. */
  seenAt: v.optional(v.number()),
  /** The last information it sent about itself. */
  said: v.optional(
    v.object({
      at: v.number(),
      version: v.string(),
      state: vrrpStateSchema,
      maintenance: v.optional(timedMarkSchema),
    }),
  ),
});
export type OtherNode = v.InferOutput<typeof otherNodeSchema>;

export const agentStatusSchema = v.object({
  role: v.picklist(["primary", "backup", "unknown"]),
  state: vrrpStateSchema,
  /** Milliseconds since 1970 of the last transition; undefined when there was none since the agent started. */
  stateSince: v.optional(v.number()),
  /** True when the plan is empty: the node matches its VRRP state. */
  converged: v.boolean(),
  /** Remaining steps, e.g. "start openvpn". */
  pending: v.array(v.string()),
  /** As in the documentation: "Successful", "SSH Connection Failed", …; undefined before the first one. */
  lastSyncStatus: v.optional(v.string()),
  /** Milliseconds since 1970. */
  lastSyncTime: v.optional(v.number()),
  conditions: v.array(conditionSchema),
  /** Absent in the answer of an older agent. */
  otherNode: v.optional(otherNodeSchema),
  /** This node is in maintenance; absent: it is not. */
  maintenance: v.optional(timedMarkSchema),
  /** The synchronisation is paused, and what is known to wait; absent: it is not paused. */
  syncPaused: v.optional(v.object({ ...timedMarkSchema.entries, waiting: v.optional(v.array(v.string())) })),
  /** The watched WANs; absent: none is watched. */
  uplinks: v.optional(uplinkReportSchema),
  /** keepalived's counters: advert_rcvd, advert_sent, become_master, … as in its JSON dump. Empty when keepalived does not run. */
  keepalivedStats: v.record(v.string(), v.number()),
});
export type AgentStatus = v.InferOutput<typeof agentStatusSchema>;

export const maintenanceAnswerSchema = v.object({
  /** Absent: the node is not in maintenance. */
  maintenance: v.optional(timedMarkSchema),
  /** The site was handed over: the longest time without a ping answer from the virtual address, milliseconds. */
  outageMs: v.optional(v.number()),
});
export type MaintenanceAnswer = v.InferOutput<typeof maintenanceAnswerSchema>;

/** See revisions/roll-back.ts. */
export const rollbackAnswerSchema = v.object({
  changed: v.array(v.string()),
  left: v.array(v.string()),
  trouble: v.optional(v.string()),
  /** The revision that records it; absent: nothing changed. */
  revision: v.optional(v.number()),
});
export type RollbackAnswer = v.InferOutput<typeof rollbackAnswerSchema>;

export const historyEntrySchema = v.object({
  /** Wall clock, milliseconds since 1970. */
  at: v.number(),
  node: v.picklist(["primary", "backup"]),
  kind: v.picklist(["transition", "sync", "fault", "switch", "agent"]),
  text: v.string(),
  /** Duration in milliseconds; absent for events without one. */
  tookMs: v.optional(v.number()),
});
export type HistoryEntry = v.InferOutput<typeof historyEntrySchema>;

export const diffEntrySchema = v.object({
  path: v.string(),
  /** "withheld": excluded from the synchronisation at present; the detail gives the reason. */
  change: v.picklist(["missing", "different", "extra", "mode", "owner", "withheld"]),
  /** Details in one line, e.g. sizes or modes on both sides. */
  detail: v.optional(v.string()),
});
export type DiffEntry = v.InferOutput<typeof diffEntrySchema>;

export const drillCheckSchema = v.object({
  /** snake_case, e.g. "peer_reachable". */
  code: v.string(),
  verdict: v.picklist(["ok", "warning", "fail"]),
  /** A sentence for the administrator. */
  text: v.string(),
});
export type DrillCheck = v.InferOutput<typeof drillCheckSchema>;

export const syncEventSchema = v.variant("kind", [
  v.object({ kind: v.literal("progress"), text: v.string() }),
  v.object({
    kind: v.literal("result"),
    /** As in the documentation: "Successful", "SSH Connection Failed", … */
    status: v.string(),
    ok: v.boolean(),
    /** Paths that were changed on the backup, and packages reloaded; only with wait. */
    changed: v.array(v.string()),
    tookMs: v.number(),
    /** What to do after a failure. */
    advice: v.optional(v.string()),
  }),
]);
export type SyncEvent = v.InferOutput<typeof syncEventSchema>;

export const switchResultSchema = v.object({
  /** The current master. */
  master: v.picklist(["primary", "backup"]),
  /** Longest time without a ping answer from the virtual address, milliseconds, as measured by this node. */
  outageMs: v.number(),
  /** Milliseconds until every service had reached its wanted state. */
  convergedMs: v.optional(v.number()),
});
export type SwitchResult = v.InferOutput<typeof switchResultSchema>;

/** A path excluded from the synchronisation at present, and why: the end of a sentence that begins with the path. */
export const withheldSchema = v.object({
  path: v.string(),
  reason: v.string(),
  /** True: not in the backup's own list. */
  outOfScope: v.optional(v.boolean()),
});
export type Withheld = v.InferOutput<typeof withheldSchema>;

export const applyAnswerSchema = v.variant("ok", [
  /** Paths changed on this node, services reloaded, and what this node refused. */
  v.object({
    ok: v.literal(true),
    changed: v.array(v.string()),
    reloaded: v.array(v.string()),
    withheld: v.optional(v.array(withheldSchema), []),
  }),
  v.object({ ok: v.literal(false), error: v.string(), message: v.string(), advice: v.optional(v.string()) }),
]);
export type ApplyAnswer = v.InferOutput<typeof applyAnswerSchema>;

export const factsSchema = v.object({
  version: v.string(),
  role: v.picklist(["primary", "backup"]),
  state: vrrpStateSchema,
  converged: v.boolean(),
  maintenance: v.optional(timedMarkSchema),
  /** Wall clock of that node, milliseconds since 1970. */
  now: v.number(),
  /** Free bytes on the root file system. */
  freeBytes: v.number(),
  /** Existing network devices. */
  devices: v.array(v.string()),
  /** Protocols that netifd supports; absent when netifd did not answer, or on an older node. */
  protocols: v.optional(v.array(v.string())),
  /** Parts of the primary's network configuration that this node refuses, a sentence each; absent on a primary and on an older node. */
  refused: v.optional(v.array(v.string())),
  /** Entries of conntrackd's caches; undefined when it does not answer. */
  connections: v.optional(v.object({ internal: v.number(), external: v.number() })),
  /** Milliseconds since 1970 of the last restore; undefined before the first one. */
  appliedAt: v.optional(v.number()),
  /** The watched WANs; absent on an older node. */
  uplinkCarriers: v.optional(v.array(uplinkCarrierSchema)),
  history: v.array(historyEntrySchema),
});
export type Facts = v.InferOutput<typeof factsSchema>;
