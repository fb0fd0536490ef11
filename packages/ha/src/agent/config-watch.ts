/** Rereads the cluster's configuration after a change, made by a command (which notifies the agent) or by hand. */
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";

export class ConfigWatch implements AgentPart {
  readonly #node: AgentNode;
  constructor(node: AgentNode) {
    this.#node = node;
  }

  readonly routes = [
    answers(agentEndpoints.changed, () => {
      this.#node.reread();
      return {};
    }),
  ];

  start(): void {
    this.#node.host.files.watch("/etc/config/keepalived", () => this.#node.reread(), this.#node.life);
  }
}
