/** Periodically restores virtual addresses that keepalived sets but does not maintain (see cluster/virtual-addresses.ts). */
import { messageOf } from "@nethsec/host/message-of";
import { repairAddresses } from "../cluster/virtual-addresses.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";

const everyMs = 10_000;

export class AddressRepairs implements AgentPart {
  readonly #node: AgentNode;
  constructor(node: AgentNode) {
    this.#node = node;
  }

  readonly tick = { everyMs, firstMs: 1000, run: (): Promise<void> => this.#repair() };

  async #repair(): Promise<void> {
    const { host, config } = this.#node;
    await repairAddresses(host, config, () => this.#node.state).catch((error: unknown) =>
      host.log("warning", `virtual addresses: ${messageOf(error)}`),
    );
  }
}
