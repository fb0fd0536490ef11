/**
 * `ha:primary:failed`: FAILURE is the backup's to say, OK the primary's; what the other one has said is remembered here, so that its end can be told.
 * A takeover that an administrator asked for is no failure: the primary announces it to the backup, whose agent then says nothing, and remembers
 * it over its own reboot too (what follows a planned switchover is often an upgrade), so that it reports no end of what nobody was told of.
 */
import type { Host } from "@nethsec/host/host";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { Role } from "../cluster/config.ts";
import type { AgentPart, StateChange } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import type { Alerts } from "./alerts.ts";

const id = "ha:primary:failed";
const handedOverPath = "/etc/ns-ha/handed-over";
/** An announcement is for the switchover that follows at once. */
const windowMs = 30_000;

export interface PrimaryAlertNode {
  readonly host: Pick<Host, "files" | "clock">;
  readonly alerts: Alerts;
  readonly config: { readonly role: Role };
}

export class PrimaryAlert implements AgentPart {
  readonly #node: PrimaryAlertNode;
  #expectedUntil = Number.NEGATIVE_INFINITY;

  /** `rebooted`: the node was started since the agent ran last; somebody else has carried the site meanwhile. */
  constructor(node: PrimaryAlertNode, rebooted: boolean) {
    this.#node = node;
    if (rebooted && node.config.role === "primary" && !this.#handedOver) node.alerts.remember(id, "FAILURE");
  }

  readonly routes = [
    answers(agentEndpoints.planned, ({ planned }) => {
      this.expects(planned);
      return {};
    }),
  ];

  onState({ before, state }: StateChange): void {
    if (this.#node.config.role === "backup") {
      if (state !== "master") this.#node.alerts.remember(id, "OK");
      else if (this.#node.host.clock.monotonic() >= this.#expectedUntil) this.#node.alerts.set(id, "FAILURE");
    } else if (state === "master") {
      this.handsOver(false);
      this.#node.alerts.set(id, "OK");
    } else if (before === "master" && !this.#handedOver) this.#node.alerts.remember(id, "FAILURE");
  }

  /** Primary: what comes is planned; false: it did not come. */
  handsOver(planned: boolean): void {
    const { files } = this.#node.host;
    if (planned) files.write(handedOverPath, "", { mode: 0o600 });
    else if (this.#handedOver) files.remove(handedOverPath);
  }

  /** Backup: what the primary says of it. */
  expects(planned: boolean): void {
    this.#expectedUntil = planned ? this.#node.host.clock.monotonic() + windowMs : Number.NEGATIVE_INFINITY;
  }

  get #handedOver(): boolean {
    return this.#node.host.files.exists(handedOverPath);
  }
}
