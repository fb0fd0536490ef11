/**
 * Failover on dead uplinks, as a part of the agent: follows mwan3's word on the node that carries the site, and on the primary hands the site over
 * when uplink-decision.ts says so. Without a watched WAN it does nothing and starts no process.
 */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { haPaths, type Role } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { standBy } from "../cluster/tracked-priority.ts";
import {
  readUplinkMove,
  type Uplink,
  type UplinkAnswer,
  type UplinkCarrier,
  type UplinkMove,
  type UplinkReport,
  watchedUplinks,
  writeUplinkMove,
} from "../cluster/uplinks.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import { tryUplinkCarriers, uplinkCarriers } from "./uplink-carriers.ts";
import { allDead, decideUplinks, type OtherSide, type UplinkFacts, wordsText, works } from "./uplink-decision.ts";
import { look, mwanWords, type Seen, uplinksSeen } from "./uplink-words.ts";

export const uplinkCondition = "uplinks_dead";
const everyMs = 10_000;
/** How often the other node is asked whether it could take the site, while it cannot. */
const askEveryMs = 60_000;
/** The primary exchanges news with the backup each minute. */
const heardMaxMs = 90_000;

type Node = Pick<AgentNode, "host" | "config" | "state" | "conditions" | "history">;

export interface UplinkNeeds {
  /** On the primary: asks the backup. Throws the link's errors. */
  readonly backup: () => Promise<UplinkAnswer>;
  /**
   * On the primary: hands over like `ns-ha-config switch`. Calls `begin` when nothing refuses it any more, before the first step. Throws what `switch`
   * throws.
   */
  readonly handOver: (to: Role, begin: () => void) => Promise<void>;
  /** The other node should know soon. */
  readonly tellOther: () => void;
}

export class UplinkPart implements AgentPart {
  readonly #node: Node;
  readonly #needs: UplinkNeeds;
  /** What mwan3 said since this node carries the site. */
  #seen: Seen | undefined;
  #move: UplinkMove | undefined;
  /** Monotonic: the last move, as far as the wall clock told at the agent's start; from then on clocks that are set do not count. */
  #movedAt = Number.NEGATIVE_INFINITY;
  #askedAt = Number.NEGATIVE_INFINITY;
  #listed: readonly string[] = [];
  /** What the other node told last. */
  #heard: { readonly at: number; readonly state: VrrpState; readonly uplinks: readonly Uplink[] } | undefined;

  constructor(node: Node, needs: UplinkNeeds) {
    this.#node = node;
    this.#needs = needs;
    this.#remember(readUplinkMove(node.host.files));
  }

  readonly routes = [answers(agentEndpoints.uplinks, () => this.answer())];

  readonly tick = { everyMs, run: (): Promise<void> => this.#look() };

  onState(): void {
    this.#seen = undefined;
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  /** For the other node, `status` and `drill`; undefined: no WAN is watched. */
  get report(): UplinkReport | undefined {
    const watched = this.#watched;
    if (watched.length === 0) return undefined;
    return {
      uplinks: [...uplinksSeen(watched, this.#seen)],
      ...(this.#move === undefined ? {} : { move: this.#move }),
    };
  }

  /** For `drill`: what the devices of the watched WANs tell without being touched. */
  carriers(): Promise<UplinkCarrier[]> {
    const watched = this.#watched;
    return watched.length === 0 ? Promise.resolve([]) : uplinkCarriers(this.#node.host, watched);
  }

  /** Backup: the primary's question. */
  async answer(): Promise<UplinkAnswer> {
    const carriers = await this.#tryCarriers();
    return { state: this.#node.state, uplinks: [...(this.report?.uplinks ?? [])], carriers };
  }

  /** What the other node told at a meeting. */
  learn(state: VrrpState, report: UplinkReport | undefined): void {
    const { host, config, history } = this.#node;
    this.#heard = { at: host.clock.monotonic(), state, uplinks: report?.uplinks ?? [] };
    const move = report?.move;
    // The primary makes the moves. One that lost its disk gets the last one back from the backup.
    const news =
      config.role === "backup" ? JSON.stringify(move) !== JSON.stringify(this.#move) : this.#move === undefined;
    if (move === undefined || !news) return;
    const known = this.#move?.at === move.at;
    this.#keep(move);
    if (known || move.attempt === 0 || config.role === "primary") return;
    const text = `the primary node moved the site to the ${move.to} node: all watched WANs were dead`;
    host.log("warning", text);
    history.add({ node: config.role, kind: "switch", text });
  }

  /** An administrator handed the site over: nothing moves for dead uplinks during the hold-down, and what was tried is forgotten. */
  movedByHand(to: Role): void {
    if (this.#watched.length === 0) return;
    this.#keep({ at: this.#node.host.clock.now(), to, attempt: 0, worked: true });
    this.#needs.tellOther();
  }

  /** A file that cannot be read keeps the list as it was: nobody has changed it on purpose. */
  get #watched(): readonly string[] {
    try {
      this.#listed = watchedUplinks(this.#node.host.uci);
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
    }
    return this.#listed;
  }

  async #look(): Promise<void> {
    const { host, config, conditions } = this.#node;
    const watched = this.#watched;
    if (watched.length === 0 || !config.enabled) {
      this.#seen = undefined;
      conditions.clear(uplinkCondition);
      return;
    }
    if (this.#node.state === "master") {
      const words = await mwanWords(host);
      if (this.#node.state === "master") this.#seen = look(this.#seen, words, host.clock.monotonic());
    }
    if (config.role === "primary") return this.#decide(watched);
    const uplinks = uplinksSeen(watched, this.#seen);
    if (this.#node.state !== "master" || !allDead(uplinks)) conditions.clear(uplinkCondition);
    else
      this.#tell(
        "backup",
        uplinks,
        "The primary node takes the site if it can; it says why not: ns-ha-config status, there",
      );
  }

  async #decide(watched: readonly string[]): Promise<void> {
    const { host, conditions } = this.#node;
    const carried = this.#carried(watched);
    if (carried === undefined) {
      conditions.clear(uplinkCondition);
      return;
    }
    const move = this.#move;
    if (move !== undefined && !move.worked && works(carried.uplinks)) this.#keep({ ...move, worked: true });
    const facts = {
      ...carried,
      last: this.#move,
      sinceLastMs: host.clock.monotonic() - this.#movedAt,
      other: undefined,
    };
    const verdict = decideUplinks(facts);
    if (verdict.kind === "alive") conditions.clear(uplinkCondition);
    else if (verdict.kind === "stay") this.#tell(carried.carriedBy, carried.uplinks, verdict.why);
    else if (host.clock.monotonic() - this.#askedAt >= askEveryMs) {
      this.#askedAt = host.clock.monotonic();
      await this.#ask(watched, facts);
    }
  }

  /** The node that carries the site, and its WANs; undefined: none does, or the backup does for another reason and the primary takes back by itself. */
  #carried(watched: readonly string[]): Pick<UplinkFacts, "carriedBy" | "uplinks"> | undefined {
    const { host, state } = this.#node;
    if (state === "master") return { carriedBy: "primary", uplinks: uplinksSeen(watched, this.#seen) };
    const heard = this.#heard;
    if (heard?.state !== "master" || host.clock.monotonic() - heard.at > heardMaxMs) return undefined;
    const priority = Number(host.files.readText(haPaths.priorityFile)?.trim() ?? "0");
    return state === "backup" && priority === standBy ? { carriedBy: "backup", uplinks: heard.uplinks } : undefined;
  }

  async #ask(watched: readonly string[], facts: UplinkFacts): Promise<void> {
    const { carriedBy } = facts;
    let uplinks = facts.uplinks;
    let other: OtherSide;
    try {
      const answer = await this.#needs.backup();
      if (carriedBy === "backup") {
        if (answer.state !== "master") return;
        uplinks = answer.uplinks;
        other = { carriers: await this.#tryCarriers() };
      } else if (answer.state !== "backup") other = { unable: `it is ${answer.state}, not backup` };
      else other = { carriers: answer.carriers };
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
      other = { unable: error.message };
    }
    // It took a while: is it still so?
    if (this.#carried(watched)?.carriedBy !== carriedBy) return;
    const verdict = decideUplinks({ ...facts, uplinks, other });
    if (verdict.kind === "stay") this.#tell(carriedBy, uplinks, verdict.why);
    else if (verdict.kind === "move") await this.#handOver(carriedBy, verdict.to, uplinks, verdict.attempt);
  }

  async #handOver(from: Role, to: Role, uplinks: readonly Uplink[], attempt: number): Promise<void> {
    const { host, config, history } = this.#node;
    let begun = false;
    const begin = (): void => {
      const move = { at: host.clock.now(), to, attempt, worked: false };
      writeUplinkMove(host.files, move);
      this.#remember(move);
      begun = true;
      const text = `the site moves to the ${to} node: all watched WANs of the ${from} node are dead (${wordsText(uplinks)})`;
      host.log("warning", text);
      history.add({ node: config.role, kind: "switch", text });
    };
    try {
      await this.#needs.handOver(to, begin);
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
      const why = begun
        ? `The handover failed: ${messageOf(error)}`
        : `The ${to} node cannot take the site: ${messageOf(error)}`;
      this.#tell(from, uplinks, why);
    }
    this.#needs.tellOther();
  }

  #tell(carriedBy: Role, uplinks: readonly Uplink[], why: string): void {
    const { host, conditions } = this.#node;
    const text = `All watched WANs of the ${carriedBy} node, which carries the site, are dead (${wordsText(uplinks)}). ${why}`;
    if (conditions.raise(uplinkCondition, "error", text)) host.log("warning", text);
  }

  #tryCarriers(): Promise<UplinkCarrier[]> {
    return tryUplinkCarriers(this.#node.host, this.#watched, () => this.#node.state === "backup");
  }

  /** On a full disk it is remembered until the agent ends. */
  #keep(move: UplinkMove): void {
    const { host } = this.#node;
    this.#remember(move);
    try {
      writeUplinkMove(host.files, move);
    } catch (error) {
      if (!(error instanceof NethsecError)) throw error;
      host.log("warning", `the last handover is not on the disk: ${error.message}`);
    }
  }

  #remember(move: UplinkMove | undefined): void {
    const { clock } = this.#node.host;
    if (move?.at !== this.#move?.at)
      this.#movedAt =
        move === undefined ? Number.NEGATIVE_INFINITY : clock.monotonic() - Math.max(0, clock.now() - move.at);
    this.#move = move;
  }
}
