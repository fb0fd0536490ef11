/**
 * Checks that the other node is reachable. VRRP cannot show it: a backup sends nothing, and two masters may not receive each other. So this part
 * pings the peer's own address, and reports what is not certain (contract ns-ha 7, promise 5).
 */
import { markText } from "../cluster/timed-mark.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import type { Announcements } from "./announcements.ts";
import type { OtherNodePart } from "./other-node.ts";

const everyMs = 10_000;
/** A single lost answer is not reported. */
const missesMax = 2;

export class PeerWatch implements AgentPart {
  readonly #node: AgentNode;
  readonly #announcements: Announcements;
  readonly #other: OtherNodePart;
  readonly #heardAgain: () => void;
  #misses = 0;

  /** `heardAgain`: called when the other node answers after an outage, to retry what waited for it. */
  constructor(node: AgentNode, announcements: Announcements, other: OtherNodePart, heardAgain: () => void) {
    this.#other = other;
    this.#heardAgain = heardAgain;
    this.#node = node;
    this.#announcements = announcements;
  }

  readonly tick = { everyMs, firstMs: 1000, run: (): Promise<void> => this.#ping() };

  async #ping(): Promise<void> {
    const { host, config, conditions, state } = this.#node;
    const { peer, role, enabled } = config;
    if (!enabled) {
      conditions.clear("peer_not_heard");
      return;
    }
    const answered = await host
      .run(["ping", "-c", "1", "-W", "1", peer.address], { timeoutMs: 3000, ok: "any" })
      .then(({ code }) => code === 0)
      .catch(() => false);
    this.#misses = answered ? 0 : this.#misses + 1;
    if (answered) {
      this.#other.seen();
      if (!conditions.clear("peer_not_heard")) return;
      host.log("info", `the other node ${peer.address} is heard again`);
      void this.#announcements.again();
      this.#other.onState();
      this.#heardAgain();
      return;
    }
    if (this.#misses < missesMax) return;
    const other = role === "primary" ? "backup" : "primary";
    const maintenance = this.#other.maintenance;
    if (maintenance !== undefined) {
      const known = `The ${other} node ${peer.address} is not heard; it is in maintenance ${markText(maintenance)}.`;
      if (conditions.raise("peer_not_heard", "info", known)) host.log("info", known);
      return;
    }
    const text =
      state === "master"
        ? `The ${other} node ${peer.address} is not heard. If it runs, it is master too: check the HA cable and switch before changing anything.`
        : `The ${other} node ${peer.address} is not heard over the HA interface.`;
    if (conditions.raise("peer_not_heard", "error", text)) host.log("warning", text);
  }
}
