/** Reads the cluster's configuration again when it was changed, by a command (which says so) or by hand. */
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
