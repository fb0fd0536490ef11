/** Values of the file whose number keepalived adds to this node's priority (`haPaths.priorityFile`); 0: none. See keepalived/render-keepalived.ts. */

/** keepalived goes to FAULT and sends an advertisement with priority 0, so that the peer takes over after its skew time. */
export const handOver = -254;
/**
 * For the primary while the backup stays master after a switchover: lower than the backup's priority with all but one of its cables lost, yet
 * not FAULT, so that this node still takes over if the backup dies.
 */
export const standBy = -60;
/**
 * For the primary when it starts, and after it has lost the master role: like `standBy`, until the agent has fetched the backup's newer state
 * (agent/state-flow.ts). A different number, so that the two can be told apart.
 */
export const hold = -61;
