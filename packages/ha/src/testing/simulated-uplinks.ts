/**
 * The WAN lines of a simulated pair. mwan3's words come from them, in the recorded form; like the real one it calls a WAN online at first, until its
 * probes have failed for a while.
 * Checked at every handover for dead uplinks, throwing if violated: the line of the node that gives the site away is dead, the hold-down since the
 * last handover is over, and without a line that worked there are two handovers at most.
 */
import { holdDownMs } from "../agent/uplink-decision.ts";
import type { UplinkNeeds } from "../agent/uplink-part.ts";
import type { Role } from "../cluster/config.ts";
import type { UplinkAnswer } from "../cluster/uplinks.ts";
import type { SimulatedNode } from "./simulated-node.ts";

/** What it needs of the pair (simulated-pair.ts). */
interface Pair {
  readonly nodes: readonly SimulatedNode[];
  readonly primary: SimulatedNode;
  readonly backup: SimulatedNode;
  askUplinks(): Promise<UplinkAnswer>;
  handOver(to: Role, begin: () => void): Promise<void>;
}

/** Time that mwan3 needs to notice, and that it calls a dead line online after its start. */
const noticedAfterMs = 50_000;

export class SimulatedUplinks {
  /** Whether the line behind the WAN of a node works. */
  readonly alive: Record<Role, boolean> = { primary: true, backup: true };
  /** How many handovers there were for dead uplinks. */
  moves = 0;
  readonly #pair: Pair;
  /** Monotonic, by the node's own clock. */
  readonly #masterSince: Record<Role, number> = { primary: 0, backup: 0 };
  #movedAt: number | undefined;
  /** Handovers since a line worked on the node that carries the site. */
  #inVain = 0;
  /** The primary's clock was set since the last handover, and its agent started again: how long ago it was is not known. */
  #clockSet = false;
  #timeLost = false;

  constructor(pair: Pair) {
    this.#pair = pair;
    for (const node of pair.nodes) {
      const { machine } = node;
      machine.files.write("/etc/config/ns-ha", "config uplinks 'uplinks'\n\tlist watch 'wan'\n");
      machine.net.setDevice({ device: "eth1" });
      machine.program("ubus", () => {
        const word = this.#word(node);
        if (word === "online" && this.alive[node.role]) this.#inVain = 0;
        return `{"interfaces":{"wan":{"status":"${word}","up":true}},"policies":{}}`;
      });
    }
  }

  readonly needs: UplinkNeeds = {
    backup: async () => this.#pair.askUplinks(),
    handOver: async (to, begin) => {
      const from = to === "backup" ? "primary" : "backup";
      await this.#pair.handOver(to, () => {
        begin();
        this.#check(from);
      });
    },
    tellOther: () => undefined,
  };

  entered(node: SimulatedNode): void {
    this.#masterSince[node.role] = node.clock.monotonic();
  }

  restarted(node: SimulatedNode): void {
    if (node.role === "primary" && this.#clockSet) this.#timeLost = true;
  }

  clockSet(): void {
    this.#clockSet = true;
  }

  movedByHand(): void {
    this.#moved();
    this.#inVain = 0;
  }

  #word({ role, clock }: SimulatedNode): string {
    if (this.alive[role]) return "online";
    return clock.monotonic() - this.#masterSince[role] < noticedAfterMs ? "online" : "offline";
  }

  #check(from: Role): void {
    this.moves += 1;
    const since = this.#movedAt === undefined ? Number.POSITIVE_INFINITY : this.#now - this.#movedAt;
    if (since < holdDownMs && !this.#timeLost) throw new Error(`the site moved for dead uplinks after ${since} ms`);
    if (this.#word(this.#pair[from]) !== "offline" && this.alive[from]) {
      // The line may have revived since mwan3 was asked, in the last step at most.
      throw new Error(`the site moved away from the ${from} node, whose line works`);
    }
    this.#inVain += 1;
    if (this.#inVain > 2) throw new Error("the site moved a third time though no line worked");
    this.#moved();
  }

  #moved(): void {
    this.#movedAt = this.#now;
    this.#clockSet = this.#timeLost = false;
  }

  get #now(): number {
    return this.#pair.primary.clock.monotonic();
  }
}
