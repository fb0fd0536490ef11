/**
 * Shared by all parts of the agent: the machine, the configuration as last read, keepalived's state, conditions and history. Notifies the parts
 * of changes, in list order.
 */
import { type Conditions, conditions } from "@nethsec/host/conditions";
import type { Host } from "@nethsec/host/host";
import { messageOf } from "@nethsec/host/message-of";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { recoverMembership } from "../cluster/saved-membership.ts";
import type { VrrpState } from "../cluster/state.ts";
import type { AgentPart } from "./agent-part.ts";
import { Alerts } from "./alerts.ts";
import { History } from "./history.ts";
import { VrrpTracker } from "./vrrp-tracker.ts";

export const conditionsPath = "/var/run/ns-ha/conditions.json";

export class AgentNode {
  readonly host: Host;
  readonly conditions: Conditions;
  readonly history: History;
  readonly alerts: Alerts;
  readonly tracker: VrrpTracker;
  readonly #life = new AbortController();
  #config: HaConfig;
  #parts: readonly AgentPart[] = [];

  constructor(host: Host, config: HaConfig) {
    host.files.mkdir("/var/run/ns-ha", { mode: 0o755 });
    this.host = host;
    this.#config = config;
    this.conditions = conditions(host, conditionsPath);
    this.history = new History(host);
    this.alerts = new Alerts(host);
    this.tracker = new VrrpTracker({
      host,
      instance: config.instance,
      vip: () => this.vip,
      changed: (before, { state }) => this.#each((part) => part.onState?.({ before, state })),
      rival: () => this.#each((part) => part.onRival?.()),
    });
  }

  /** The virtual address of the HA interface, without prefix length; held by the master. */
  get vip(): string {
    return this.#config.interfaces[0]?.virtualIp.split("/")[0] ?? "";
  }

  get config(): HaConfig {
    return this.#config;
  }
  get state(): VrrpState {
    return this.tracker.current.state;
  }
  /** Aborts when the agent stops. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /** Sets the parts that are notified of changes from now on. */
  attach(parts: readonly AgentPart[]): void {
    this.#parts = parts;
  }

  end(reason: string): void {
    this.#life.abort(new Error(reason));
  }

  /** Rereads the configuration after a change. Ends the agent when the node left its cluster or changed its role. */
  reread(): void {
    let config: HaConfig | undefined;
    recoverMembership(this.host);
    try {
      config = readHaConfig(this.host.uci);
    } catch (error) {
      this.conditions.raise("ha_config_invalid", "error", messageOf(error));
      return;
    }
    this.conditions.clear("ha_config_invalid");
    if (config === undefined || config.role !== this.#config.role) {
      this.host.log("info", "the node left its cluster");
      this.end("left the cluster");
      return;
    }
    this.#config = config;
    this.#each((part) => part.onConfig?.());
  }

  /** An error in one part (e.g. a full disk under the history) is logged and must not keep the others from following keepalived. */
  #each(tell: (part: AgentPart) => void): void {
    for (const part of this.#parts) {
      try {
        tell(part);
      } catch (error) {
        this.host.log("err", error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    }
  }
}
