/** Numbers in the file that keepalived adds to this node's priority (`haPaths.priorityFile`); 0: nothing. See keepalived/render-keepalived.ts. */

/** Below this keepalived goes to FAULT, tells the peer with priority 0, and the peer takes over after its skew time. */
export const handOver = -254;
/** While the backup carries the site after a switchover: less than its priority with all its cables but one, and no FAULT, in which this node would not take over if the backup died. */
export const standBy = -60;
/**
 * The primary when it starts, and when it has lost the site: as `standBy`, until the agent has fetched what the backup learnt meanwhile
 * (agent/state-flow.ts). A number of its own, so that the two are told apart.
 */
export const hold = -61;
