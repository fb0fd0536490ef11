/** Makes the node follow keepalived's state: hands each new situation to the reconciler, and reports convergence and failing steps. */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { Carrying } from "../cluster/carrying.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { FirewallWorld, marksPath } from "./firewall-world.ts";
import { postureOf, type Situation } from "./plan.ts";
import { Reconciler } from "./reconciler.ts";
import type { StateFlow } from "./state-flow.ts";

/** Failures of a step before a condition is raised. */
const failuresTold = 3;

export class StateFollower implements AgentPart {
  readonly #node: AgentNode;
  readonly #carrying: Carrying;
  readonly reconciler: Reconciler;
  /** The situation whose first convergence is in the history. */
  #told = "";

  constructor(node: AgentNode, flow: StateFlow) {
    const { host } = node;
    this.#node = node;
    this.#carrying = new Carrying(host);
    this.reconciler = new Reconciler({
      world: new FirewallWorld(
        host,
        () => node.config,
        node.life,
        (signal) => flow.take(signal),
      ),
      clock: host.clock,
      log: host.log,
      marks: readMarks(host),
      converged: (situation, tookMs) => this.#converged(situation, tookMs),
      changed: () => this.#tellFailing(),
    });
  }

  /** True while this node keeps carrying the site until keepalived has decided its state (see cluster/carrying.ts). */
  get waiting(): boolean {
    return this.#carrying.on;
  }

  start(): void {
    this.#node.host.files.watch("/etc/config/ns-ha", () => this.reconciler.lookAgain(), this.#node.life);
    this.enter();
  }

  onState(): void {
    this.enter();
  }

  onConfig(): void {
    this.enter();
  }

  run(signal: AbortSignal): Promise<void> {
    return this.reconciler.run(signal);
  }

  /** Passes the current situation to the reconciler; no effect when unchanged. */
  enter(): void {
    const { config, tracker } = this.#node;
    const { state, term } = tracker.current;
    // Leave everything up while keepalived has not decided.
    if (this.#carrying.look(config, state, tracker.stats)) return;
    this.reconciler.enter({ role: config.role, enabled: config.enabled, state, term });
  }

  #converged(situation: Situation, tookMs: number): void {
    const { host, history } = this.#node;
    const { role, state, term, enabled } = situation;
    const took = Math.round(tookMs);
    host.log("info", `everything in place as ${state} (${postureOf(situation)}) after ${took} ms`);
    // Later repairs (a failed service, a repeated announcement) are not transitions: they only go to the log.
    const situated = `${term} ${enabled}`;
    if (situated === this.#told) return;
    this.#told = situated;
    history.add({ node: role, kind: "transition", text: `everything in place as ${state}`, tookMs: took });
  }

  #tellFailing(): void {
    const { conditions } = this.#node;
    const lasting = this.reconciler.failing.filter(({ failures }) => failures >= failuresTold);
    if (lasting.length === 0) conditions.clear("step_failed");
    else
      conditions.raise(
        "step_failed",
        "warning",
        lasting.map(({ id, reason }) => `${id} does not succeed: ${reason}`).join("; "),
      );
  }
}

function readMarks(host: Pick<Host, "files">): ReadonlyMap<string, string> {
  try {
    return new Map(
      v.parse(v.array(v.tuple([v.string(), v.string()])), JSON.parse(host.files.readText(marksPath) ?? "[]")),
    );
  } catch {
    return new Map(); // unreadable: all steps are done again
  }
}
