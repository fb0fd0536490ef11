/**
 * `ha:primary:failed`: the backup sends FAILURE, the primary sends OK. Each node also records the other's alert, so that it can report its end.
 * A takeover requested by an administrator is no failure: the primary announces it to the backup, whose agent then sends no alert. The primary
 * records it across a reboot (a planned switchover often precedes an upgrade), so that it does not send OK for a FAILURE that was never sent.
 */
import type { Host } from "@nethsec/host/host";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { Role } from "../cluster/config.ts";
import type { AgentPart, StateChange } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import type { Alerts } from "./alerts.ts";

const id = "ha:primary:failed";
const handedOverPath = "/etc/ns-ha/handed-over";
/** How long an announcement is valid: the switchover follows at once. */
const windowMs = 30_000;

export interface PrimaryAlertNode {
  readonly host: Pick<Host, "files" | "clock">;
  readonly alerts: Alerts;
  readonly config: { readonly role: Role };
}

export class PrimaryAlert implements AgentPart {
  readonly #node: PrimaryAlertNode;
  readonly #otherIsOut: () => boolean;
  #expectedUntil = Number.NEGATIVE_INFINITY;

  /**
   * `rebooted`: the node was rebooted since the agent ran last, so the other node has carried the site meanwhile. `otherIsOut`: the other node is
   * in maintenance, so a takeover by this one is no failure.
   */
  constructor(node: PrimaryAlertNode, rebooted: boolean, otherIsOut: () => boolean = () => false) {
    this.#node = node;
    this.#otherIsOut = otherIsOut;
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
      else if (!this.#expected) this.#node.alerts.set(id, "FAILURE");
    } else if (state === "master") {
      this.handsOver(false);
      this.#node.alerts.set(id, "OK");
    } else if (before === "master" && !this.#handedOver) this.#node.alerts.remember(id, "FAILURE");
  }

  /** On the primary: records that a planned takeover follows; false: it is over, or did not happen. */
  handsOver(planned: boolean): void {
    const { files } = this.#node.host;
    if (planned) files.write(handedOverPath, "", { mode: 0o600 });
    else if (this.#handedOver) files.remove(handedOverPath);
  }

  /** On the backup: the primary's announcement of a planned takeover, or its cancellation. */
  expects(planned: boolean): void {
    this.#expectedUntil = planned ? this.#node.host.clock.monotonic() + windowMs : Number.NEGATIVE_INFINITY;
  }

  get #expected(): boolean {
    return this.#otherIsOut() || this.#node.host.clock.monotonic() < this.#expectedUntil;
  }

  get #handedOver(): boolean {
    return this.#node.host.files.exists(handedOverPath);
  }
}
