/**
 * A part of the agent: one task, with the life cycle that run-parts.ts gives to all of them. Every member is optional.
 * Invariant that each part keeps: nothing here blocks; what may take long is in `tick` or `run`, which wait for nobody else.
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
  /** What it throws is logged. The next one is not begun before it settles. */
  readonly run: () => void | Promise<void>;
}

export interface AgentPart {
  /** What this part answers on the agent's socket. */
  readonly routes?: readonly Route[];
  /** Once, in the order of the list, before any tick. What it throws ends the agent. */
  start?(): void | Promise<void>;
  /** keepalived's state changed; `AgentNode.state` is the new one already. */
  onState?(change: StateChange): void;
  /** The configuration was read anew; `AgentNode.config` is the new one already. */
  onConfig?(): void;
  /** Another master, of lower priority, was heard: it gives up the addresses that are this node's. */
  onRival?(): void;
  /** Called regularly, on a timer of its own: a part that hangs delays no other. */
  readonly tick?: Tick;
  /** A loop of its own, until the signal aborts. What it throws ends the agent, and procd starts it again. */
  run?(signal: AbortSignal): Promise<void>;
  /** The agent ends; the node stays as it is. */
  stop?(): void | Promise<void>;
}
