/**
 * A part of the agent: one task, with the common life cycle of run-parts.ts. Every member is optional.
 * Invariant for each part: the callbacks never block; long work belongs in `tick` or `run`, which run independently of other parts.
 */
import type { VrrpState } from "../cluster/state.ts";
import type { Route } from "./agent-server.ts";

export interface StateChange {
  readonly before: VrrpState;
  readonly state: VrrpState;
}

export interface Tick {
  readonly everyMs: number;
  /** Milliseconds until the first one; default `everyMs`. */
  readonly firstMs?: number;
  /** Errors are logged. The next tick does not start before this one settles. */
  readonly run: () => void | Promise<void>;
}

export interface AgentPart {
  /** Endpoints that this part serves on the agent's socket. */
  readonly routes?: readonly Route[];
  /** Called once, in list order, before any tick. An error ends the agent. */
  start?(): void | Promise<void>;
  /** keepalived's state changed; `AgentNode.state` is the new one already. */
  onState?(change: StateChange): void;
  /** The configuration was read anew; `AgentNode.config` is the new one already. */
  onConfig?(): void;
  /** An advertisement of another master with lower priority was received: that node is about to give up this node's addresses. */
  onRival?(): void;
  /** Called periodically, on its own timer: a part that hangs does not delay the others. */
  readonly tick?: Tick;
  /** A loop of its own, until the signal aborts. An error ends the agent, and procd restarts it. */
  run?(signal: AbortSignal): Promise<void>;
  /** The agent ends; the node stays as it is. */
  stop?(): void | Promise<void>;
}
