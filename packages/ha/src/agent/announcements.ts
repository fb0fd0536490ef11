/** Re-announces the addresses of this node (gratuitous ARP and the like) after another node had them. */
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import type { Reconciler } from "./reconciler.ts";

/** Pauses between the announcements: the other node needs a moment to take its interfaces down. */
const delaysMs = [200, 800, 2000, 3000];

export class Announcements implements AgentPart {
  readonly #node: AgentNode;
  readonly #reconciler: Reconciler;
  #until = Number.NEGATIVE_INFINITY;

  constructor(node: AgentNode, reconciler: Reconciler) {
    this.#node = node;
    this.#reconciler = reconciler;
  }

  onRival(): void {
    void this.again();
  }

  /** To be called when another node had our addresses and is about to release them. */
  async again(): Promise<void> {
    const { host, state, life } = this.#node;
    if (state !== "master" || host.clock.monotonic() < this.#until) return;
    this.#until = host.clock.monotonic() + (delaysMs.at(-1) ?? 0);
    host.log("info", "another node had the addresses of this one: they are announced again");
    for (const delay of delaysMs) {
      await host.clock.sleep(delay, life).catch(() => undefined);
      if (life.aborted) return;
      this.#reconciler.lookAgain((key) => key.startsWith("announce "));
    }
  }
}
