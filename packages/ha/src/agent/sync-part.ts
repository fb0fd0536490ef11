/** The synchronisation as a part of the agent: decides when this node sends, and publishes the result. */
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { SyncEvent } from "../cluster/agent-schemas.ts";
import { shareSyncList } from "../change/share-sync-list.ts";
import { readMark } from "../cluster/timed-mark.ts";
import { SyncLoop } from "../sync/sync-loop.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { streams } from "./agent-server.ts";
import type { StateFlow } from "./state-flow.ts";
import { announceSyncResult } from "./announce-sync-result.ts";

export class SyncPart implements AgentPart {
  readonly #node: AgentNode;
  readonly loop: SyncLoop;

  constructor(node: AgentNode, flow: StateFlow, otherIsOut: () => boolean) {
    this.#node = node;
    this.loop = new SyncLoop({
      host: node.host,
      config: () => node.config,
      allowed: () => this.#sends(),
      paused: () => readMark(node.host.files, "sync-paused") !== undefined,
      before: (signal) => flow.beforeSend(signal),
      shareList: (config) => shareSyncList(node.host, config),
      finished: (outcome) => announceSyncResult(node, outcome, otherIsOut()),
    });
  }

  /** Epoch milliseconds since which a change waits to be synchronised; undefined: none is waiting, or this node does not send. */
  get waitingSince(): number | undefined {
    return this.#sends() ? this.loop.waitingSince : undefined;
  }

  readonly routes = [streams(agentEndpoints.sync, (asked, send) => this.sync(asked, send))];

  onState(): void {
    this.loop.look();
  }

  onConfig(): void {
    this.loop.look();
  }

  run(signal: AbortSignal): Promise<void> {
    return this.loop.run(signal);
  }

  #sends(): boolean {
    const { config, state } = this.#node;
    return config.role === "primary" && config.enabled && config.sync.enabled && state === "master";
  }

  /** Sends the events of one run. Throws like `SyncLoop.now`. */
  async sync(
    { wait, force }: { readonly wait: boolean; readonly force: readonly string[] },
    send: (event: SyncEvent) => void,
  ): Promise<void> {
    const running = this.loop.now((text) => (wait ? send({ kind: "progress", text }) : undefined), force);
    if (!wait) {
      running.catch(() => undefined); // its outcome is in the status and the log
      send({ kind: "result", status: "started", ok: true, changed: [], tookMs: 0 });
      return;
    }
    const { status, ok, changed, tookMs, reason, advice } = await running;
    const told = [reason, advice].filter((text) => text !== undefined).join(" ");
    send({
      kind: "result",
      status,
      ok,
      changed: [...changed],
      tookMs: Math.round(tookMs),
      ...(told === "" ? {} : { advice: told }),
    });
  }
}
