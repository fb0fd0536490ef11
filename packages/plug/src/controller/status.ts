/** The controller status shown by `ns-plug status`, the web interface and metrics, built from the configuration and the client's state. */
import type { Host } from "@nethsec/host/host";
import { readPlugConfig } from "../config.ts";
import { readOutcome } from "../cron/outcome.ts";
import { readLastState, readState, type ClientState } from "./state.ts";

export interface ControllerStatus {
  /** The web interface's values. */
  readonly status: "unregistered" | "pending" | "connected";
  readonly phase: ClientState["phase"] | "stopped";
  /** ms since 1970; absent while the client is stopped. */
  readonly since: number | undefined;
  readonly reason: string | undefined;
  readonly address: string | undefined;
  readonly server: string;
  readonly unitName: string;
  readonly unitId: string;
  readonly description: string;
  readonly tlsVerify: boolean;
  readonly push: { readonly status: "success" | "error" | ""; readonly lastSent: number | undefined };
}

export function controllerStatus({ uci, files, system }: Pick<Host, "uci" | "files" | "system">): ControllerStatus {
  const { controller } = readPlugConfig(uci);
  const state = readState(files);
  const last = state ?? readLastState(files);
  const push = readOutcome(files, "push");
  const registered =
    controller.server !== undefined && controller.unitId !== undefined && controller.token !== undefined;
  return {
    status: !registered ? "unregistered" : state?.phase === "connected" ? "connected" : "pending",
    phase: state?.phase ?? "stopped",
    since: state?.since,
    // If a failure ended the client, show it as the reason why the client is stopped.
    reason: state !== undefined || last?.phase === "failed" ? last?.reason : undefined,
    address: state?.address,
    server: controller.server ?? "",
    unitName: controller.unitName ?? system.hostname(),
    unitId: controller.unitId ?? "",
    description: controller.description ?? "",
    tlsVerify: controller.tlsVerify,
    push: { status: push?.status ?? "", lastSent: push?.lastGood },
  };
}
