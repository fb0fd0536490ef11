/**
 * Is the other node there? VRRP backups are silent and two masters that cannot hear each other look, each to itself, like one: so the peer's
 * own address is asked, and what is not certain is said (contract, section 7, promise 5).
 */
import type { Conditions } from "@nethsec/host/conditions";
import type { Host } from "@nethsec/host/host";
import type { VrrpState } from "../cluster/agent-client.ts";
import type { HaConfig } from "../cluster/config.ts";

/** One lost answer is no news. */
const missesMax = 2;

export class PeerWatch {
  readonly #host: Pick<Host, "run" | "log">;
  readonly #config: () => HaConfig;
  readonly #conditions: Conditions;
  readonly #state: () => VrrpState;
  readonly #heardAgain: () => void;
  #misses = 0;

  constructor(
    host: Pick<Host, "run" | "log">,
    config: () => HaConfig,
    conditions: Conditions,
    state: () => VrrpState,
    heardAgain: () => void,
  ) {
    this.#heardAgain = heardAgain;
    this.#host = host;
    this.#config = config;
    this.#conditions = conditions;
    this.#state = state;
  }

  /** Never throws. */
  async look(): Promise<void> {
    const { peer, role, enabled } = this.#config();
    if (!enabled) {
      this.#conditions.clear("peer_not_heard");
      return;
    }
    const answered = await this.#host
      .run(["ping", "-c", "1", "-W", "1", peer.address], { timeoutMs: 3000, ok: "any" })
      .then(({ code }) => code === 0)
      .catch(() => false);
    this.#misses = answered ? 0 : this.#misses + 1;
    if (answered) {
      if (!this.#conditions.clear("peer_not_heard")) return;
      this.#host.log("info", `the other node ${peer.address} is heard again`);
      this.#heardAgain();
      return;
    }
    if (this.#misses < missesMax) return;
    const other = role === "primary" ? "backup" : "primary";
    const text =
      this.#state() === "master"
        ? `The ${other} node ${peer.address} is not heard. If it runs, it is master too: check the HA cable and switch before changing anything.`
        : `The ${other} node ${peer.address} is not heard over the HA interface.`;
    if (this.#conditions.raise("peer_not_heard", "error", text)) this.#host.log("warning", text);
  }
}
