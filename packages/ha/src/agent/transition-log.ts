/** Writes each transition of keepalived into the log and the history. */
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart, StateChange } from "./agent-part.ts";

export class TransitionLog implements AgentPart {
  readonly #node: AgentNode;
  constructor(node: AgentNode) {
    this.#node = node;
  }

  onState({ before, state }: StateChange): void {
    const { host, history, config } = this.#node;
    const kind = state === "fault" ? "fault" : "transition";
    host.log(state === "fault" ? "warning" : "info", `VRRP state: ${before} -> ${state}`);
    history.add({ node: config.role, kind, text: `${before} -> ${state}` });
  }
}
