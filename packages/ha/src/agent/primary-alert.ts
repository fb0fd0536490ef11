/**
 * `ha:primary:failed`: FAILURE is the backup's to say, OK the primary's; what the other one has said is remembered here, so that its end can be told.
 * A takeover that an administrator asked for is no failure: the primary announces it to the backup, whose agent then says nothing, and remembers
 * it over its own reboot too (what follows a planned switchover is often an upgrade), so that it reports no end of what nobody was told of.
 */
import type { Host } from "@nethsec/host/host";
import type { VrrpState } from "../cluster/agent-client.ts";
import type { Role } from "../cluster/config.ts";
import type { Alerts } from "./alerts.ts";

const id = "ha:primary:failed";
const handedOverPath = "/etc/ns-ha/handed-over";
/** An announcement is for the switchover that follows at once. */
const windowMs = 30_000;

export class PrimaryAlert {
  readonly #host: Pick<Host, "files" | "clock">;
  readonly #alerts: Alerts;
  readonly #role: () => Role;
  #expectedUntil = Number.NEGATIVE_INFINITY;

  /** `rebooted`: the node was started since the agent ran last; somebody else has carried the site meanwhile. */
  constructor(host: Pick<Host, "files" | "clock">, alerts: Alerts, role: () => Role, rebooted: boolean) {
    this.#host = host;
    this.#alerts = alerts;
    this.#role = role;
    if (rebooted && role() === "primary" && !this.#handedOver) alerts.remember(id, "FAILURE");
  }

  transition(before: VrrpState, state: VrrpState): void {
    if (this.#role() === "backup") {
      if (state !== "master") this.#alerts.remember(id, "OK");
      else if (this.#host.clock.monotonic() >= this.#expectedUntil) this.#alerts.set(id, "FAILURE");
    } else if (state === "master") {
      this.handsOver(false);
      this.#alerts.set(id, "OK");
    } else if (before === "master" && !this.#handedOver) this.#alerts.remember(id, "FAILURE");
  }

  /** Primary: what comes is planned; false: it did not come. */
  handsOver(planned: boolean): void {
    const { files } = this.#host;
    if (planned) files.write(handedOverPath, "", { mode: 0o600 });
    else if (this.#handedOver) files.remove(handedOverPath);
  }

  /** Backup: what the primary says of it. */
  expects(planned: boolean): void {
    this.#expectedUntil = planned ? this.#host.clock.monotonic() + windowMs : Number.NEGATIVE_INFINITY;
  }

  get #handedOver(): boolean {
    return this.#host.files.exists(handedOverPath);
  }
}
