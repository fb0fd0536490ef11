/** The VRRP state of a node, as keepalived reports it; "unknown": keepalived does not run or does not answer. */
import * as v from "valibot";

export const vrrpStateSchema = v.picklist(["init", "backup", "master", "fault", "unknown"]);
export type VrrpState = v.InferOutput<typeof vrrpStateSchema>;
