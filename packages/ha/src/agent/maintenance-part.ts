/**
 * Maintenance of this node, as a part of the agent: enters it on request, holds it (across restarts of keepalived, of the agent, and reboots), and
 * ends it on request or at its time.
 * Afterwards the primary waits with the priority `hold` until it has fetched the backup's state, like after a reboot, and takes the site back.
 */
import { messageOf } from "@nethsec/host/message-of";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { MaintenanceAnswer } from "../cluster/agent-schemas.ts";
import { haPaths } from "../cluster/config.ts";
import { markIsOver, markText, readMark, removeMark, type TimedMark, writeMark } from "../cluster/timed-mark.ts";
import { handOver, hold, standBy } from "../cluster/tracked-priority.ts";
import { renderFiles } from "../keepalived/apply-node.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import { enterMaintenance, type MaintenanceContext } from "./enter-maintenance.ts";

export const maintenanceCondition = "maintenance";

type Node = Pick<AgentNode, "host" | "config" | "state" | "conditions" | "history">;

/** What entering needs of other parts. */
export type MaintenanceNeeds = Pick<MaintenanceContext, "other" | "peer" | "bringUpToDate" | "announce"> & {
  /** The other node's maintenance; undefined: there is none, or this node was not told. */
  readonly otherMaintenance: () => TimedMark | undefined;
  /** The other node should know soon. */
  readonly tellOther: () => void;
};

export class MaintenancePart implements AgentPart {
  readonly #node: Node;
  readonly #needs: MaintenanceNeeds;
  /** One request at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(node: Node, needs: MaintenanceNeeds) {
    this.#node = node;
    this.#needs = needs;
  }

  readonly routes = [
    answers(agentEndpoints.maintenance, ({ on, until, force }) =>
      this.#inTurn(() => (on ? this.#begin(until, force) : Promise.resolve(this.#finish("ended by an administrator")))),
    ),
  ];

  readonly tick = { everyMs: 1000, firstMs: 0, run: (): void => this.#look() };

  start(): void {
    this.#look();
  }

  /** keepalived was started anew with an older configuration: it must not stay in service for a second. */
  onState(): void {
    this.#look();
  }

  get #mark(): TimedMark | undefined {
    return readMark(this.#node.host.files, "maintenance");
  }

  #look(): void {
    const { host, conditions } = this.#node;
    const mark = this.#mark;
    if (mark === undefined) {
      conditions.clear(maintenanceCondition);
      this.#endSwitch();
      return;
    }
    if (markIsOver(mark, host.clock.now())) {
      this.#finish("its time is over");
      return;
    }
    if (this.#priority !== handOver) this.#setPriority(handOver);
    const text = `This node is in maintenance ${markText(mark)}: it does not carry the site. To end it: ns-ha-config maintenance off`;
    conditions.raise(maintenanceCondition, "warning", text);
  }

  /**
   * The site was switched to the backup, which then went into maintenance and gave it back: the switchover is over. With the low priority of a
   * standby this node would lose the site again when the backup returns.
   */
  #endSwitch(): void {
    const { config, state, host } = this.#node;
    if (config.role !== "primary" || state !== "master" || this.#priority !== standBy) return;
    if (this.#needs.otherMaintenance() === undefined) return;
    this.#setPriority(0);
    host.log("info", "the backup node is in maintenance, which ends the switchover: this node keeps the site");
  }

  async #begin(until: number | undefined, force: boolean): Promise<MaintenanceAnswer> {
    const { host, config } = this.#node;
    const before = this.#mark;
    const mark = { since: before?.since ?? host.clock.now(), ...(until === undefined ? {} : { until }) };
    if (before !== undefined) {
      this.#keep(mark);
      this.#tell(`maintenance ${markText(mark)}`);
      return { maintenance: mark };
    }
    const context = {
      ...this.#needs,
      host,
      config,
      state: () => this.#node.state,
      keep: (kept: TimedMark | undefined) => this.#keep(kept),
    };
    try {
      const answer = await enterMaintenance(context, mark, force);
      this.#tell(`maintenance ${markText(mark)}${force ? ", forced" : ""}`);
      return answer;
    } catch (error) {
      host.log("warning", messageOf(error));
      throw error;
    }
  }

  #finish(why: string): MaintenanceAnswer {
    if (this.#mark === undefined) return {};
    // In this order: killed in between, the next agent finds the mark and finishes again.
    this.#setPriority(this.#node.config.role === "primary" ? hold : 0);
    this.#keep(undefined);
    this.#tell(`maintenance is over: ${why}`);
    return {};
  }

  #tell(text: string): void {
    const { host, history, config } = this.#node;
    this.#look();
    host.log("info", text);
    history.add({ node: config.role, kind: "agent", text });
    this.#needs.tellOther();
  }

  #keep(mark: TimedMark | undefined): void {
    const { host } = this.#node;
    if (mark === undefined) removeMark(host.files, "maintenance");
    else writeMark(host.files, "maintenance", mark);
    // keepalived writes the number in its configuration to the tracked file when it starts, not when it reloads (keepalived.conf(5), init_file).
    renderFiles(host);
  }

  get #priority(): number {
    return Number(this.#node.host.files.readText(haPaths.priorityFile)?.trim() ?? "0");
  }

  #setPriority(value: number): void {
    this.#node.host.files.write(haPaths.priorityFile, `${value}\n`, { mode: 0o644 });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
