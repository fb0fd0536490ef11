/**
 * Both nodes carrying the site: they answer for the same addresses. keepalived ends that itself when the nodes hear each other. If they reach each
 * other by SSH only, one of them runs with a configuration that is not the current one (a reload that was lost, a process that procd does not know)
 * or VRRP is filtered. This part reports it on both nodes, and once makes keepalived read its configuration again.
 */
import { messageOf } from "@nethsec/host/message-of";
import { endOrphan } from "../keepalived/end-orphan.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import type { OtherNodePart } from "./other-node.ts";

const code = "two_masters";
/** The other node says it twice, so that a switchover under way is not reported. */
const confirmMs = 4000;

type MasterNode = Pick<AgentNode, "host" | "config" | "conditions">;

export class TwoMasters implements AgentPart {
  readonly #node: MasterNode;
  readonly #other: Pick<OtherNodePart, "bothMasters">;
  /** When the other node said so first; this node's clock. */
  #first: number | undefined;
  #repaired = false;

  constructor(node: MasterNode, other: Pick<OtherNodePart, "bothMasters">) {
    this.#node = node;
    this.#other = other;
  }

  readonly tick = { everyMs: 2000, run: (): Promise<void> => this.#look() };

  async #look(): Promise<void> {
    const { host, config, conditions } = this.#node;
    const saidAt = config.enabled ? this.#other.bothMasters : undefined;
    if (saidAt === undefined) {
      this.#first = undefined;
      this.#repaired = false;
      conditions.clear(code);
      return;
    }
    this.#first ??= saidAt;
    if (saidAt - this.#first < confirmMs) return;
    const other = config.role === "primary" ? "backup" : "primary";
    const text = `The ${other} node ${config.peer.address} is master too: both nodes answer for the same addresses. Their keepalived do not hear each other; see on both nodes: logread -e Keepalived`;
    if (conditions.raise(code, "error", text)) host.log("err", text);
    if (this.#repaired) return;
    this.#repaired = true;
    await this.#repair().catch((error: unknown) =>
      host.log("err", `keepalived cannot be made to read its configuration again: ${messageOf(error)}`),
    );
  }

  /** A reload keeps the VRRP state. One that procd does not know gets no reload: it is replaced. */
  async #repair(): Promise<void> {
    const { host } = this.#node;
    host.log("warning", "keepalived reads its configuration again: both nodes are master");
    const replaced = await endOrphan(host);
    await host.services.call("keepalived", replaced ? "restart" : "reload");
  }
}
