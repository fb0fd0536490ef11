/** Errors shared by several actions. */
import { NethsecError } from "@nethsec/host/error";
import type { HaConfig } from "./config.ts";

export function notConfigured(): NethsecError {
  return new NethsecError({
    code: "ha_not_configured",
    message: "This node belongs to no cluster.",
    advice: "Begin on the primary node: ns-ha-config check-primary-node <lan_interface>",
  });
}

/** `action`: the command line after `ns-ha-config`. */
export function belongsOnPrimary(config: HaConfig, action: string): NethsecError {
  return new NethsecError({
    code: "belongs_on_primary",
    message: `This is the backup node: ns-ha-config ${action.split(" ")[0] ?? action} belongs on the primary node, ${config.peer.address}.`,
    advice: `Run there: ssh root@${config.peer.address} ns-ha-config ${action}`,
  });
}
