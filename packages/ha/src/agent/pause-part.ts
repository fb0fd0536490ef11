/**
 * Pausing the synchronisation, as a part of the agent: nothing is sent to the backup until an administrator resumes, or until the given time. What
 * waits is determined by a comparison with the backup whenever something changed, and shown by `status` and `drill`.
 * Invariant: a failover is not affected: the backup takes over with what it has.
 */
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { DiffEntry, SyncEvent } from "../cluster/agent-schemas.ts";
import { belongsOnPrimary } from "../cluster/ha-error.ts";
import { markIsOver, markText, readMark, removeMark, type TimedMark, writeMark } from "../cluster/timed-mark.ts";
import type { SyncLoop } from "../sync/sync-loop.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers, streams } from "./agent-server.ts";

const pausedCondition = "sync_paused";
/** Paths named in a sentence; `ns-ha-config diff` shows all. */
const namedMax = 5;
/** At least this long between two comparisons, since leases change all the time; longer after one that failed (the backup is away). */
const compareEveryMs = 10_000;
const againMs = 60_000;

type Node = Pick<AgentNode, "host" | "config" | "conditions" | "history">;

export interface PauseNeeds {
  readonly loop: Pick<SyncLoop, "look" | "changes">;
  /** Runs a synchronisation and sends its events (sync-part.ts). */
  readonly sync: (send: (event: SyncEvent) => void) => Promise<void>;
  /** What the backup lacks. Throws the link's errors. */
  readonly diff: () => Promise<readonly DiffEntry[]>;
}

export class PausePart implements AgentPart {
  readonly #node: Node;
  readonly #loop: PauseNeeds["loop"];
  readonly #sync: PauseNeeds["sync"];
  readonly #diff: PauseNeeds["diff"];
  /** Monotonic. */
  #nextAt = Number.NEGATIVE_INFINITY;
  /** `loop.changes` when `#waiting` was determined. */
  #compared: number | undefined;
  #waiting: readonly string[] | undefined;

  constructor(node: Node, { loop, sync, diff }: PauseNeeds) {
    this.#node = node;
    this.#loop = loop;
    this.#sync = sync;
    this.#diff = diff;
  }

  readonly routes = [
    answers(agentEndpoints.pause, ({ on, until }) => this.#set(on, until)),
    streams(agentEndpoints.resume, (_asked, send) => {
      this.#set(false, undefined);
      // Asked for in the same turn in which the loop is woken: so the first run is the one whose changes are listed.
      return this.#sync(send);
    }),
  ];

  readonly tick = { everyMs: 1000, firstMs: 0, run: (): Promise<void> => this.#look() };

  /** For `status`; undefined: not paused. `waiting` is undefined until the first comparison. */
  get paused(): (TimedMark & { readonly waiting?: string[] }) | undefined {
    const mark = this.#mark;
    if (mark === undefined || this.#waiting === undefined) return mark;
    return { ...mark, waiting: [...this.#waiting] };
  }

  get #mark(): TimedMark | undefined {
    return this.#node.config.role === "primary" ? readMark(this.#node.host.files, "sync-paused") : undefined;
  }

  #set(on: boolean, until: number | undefined): { paused?: TimedMark } {
    const { host, config } = this.#node;
    if (config.role === "backup") throw belongsOnPrimary(config, on ? "pause" : "resume");
    const before = this.#mark;
    if (!on) {
      this.#resume("resumed by an administrator");
      return {};
    }
    const mark = { since: before?.since ?? host.clock.now(), ...(until === undefined ? {} : { until }) };
    writeMark(host.files, "sync-paused", mark);
    this.#tell(`synchronisation paused ${markText(mark)}`);
    return { paused: mark };
  }

  async #look(): Promise<void> {
    const { host, conditions } = this.#node;
    const mark = this.#mark;
    if (mark === undefined) {
      conditions.clear(pausedCondition);
      return;
    }
    if (markIsOver(mark, host.clock.now())) return this.#resume("its time is over");
    await this.#compare();
    // It may have been resumed while the backup was asked.
    if (this.#mark !== undefined) conditions.raise(pausedCondition, "warning", pausedText(mark, this.#waiting));
  }

  /** A failed comparison keeps the previous list: `status` must not lose it because the backup is away. */
  async #compare(): Promise<void> {
    const now = this.#node.host.clock.monotonic();
    const { changes } = this.#loop;
    if (this.#compared === changes || now < this.#nextAt) return;
    this.#nextAt = now + compareEveryMs;
    try {
      this.#waiting = (await this.#diff()).map(({ path }) => path);
      this.#compared = changes;
    } catch {
      this.#nextAt = now + againMs;
    }
  }

  #resume(why: string): void {
    const { host, conditions } = this.#node;
    if (this.#mark === undefined) return;
    removeMark(host.files, "sync-paused");
    this.#waiting = undefined;
    this.#compared = undefined;
    this.#nextAt = Number.NEGATIVE_INFINITY;
    conditions.clear(pausedCondition);
    this.#tell(`synchronisation goes on: ${why}`);
    this.#loop.look();
  }

  #tell(text: string): void {
    const { host, history } = this.#node;
    host.log("info", text);
    history.add({ node: "primary", kind: "agent", text });
  }
}

/** Pure. */
function pausedText(mark: TimedMark, waiting: readonly string[] | undefined): string {
  const paused = `The synchronisation is paused ${markText(mark)}`;
  const end = "To send it: ns-ha-config resume";
  if (waiting === undefined) return `${paused}. ${end}`;
  if (waiting.length === 0) return `${paused}; nothing waits. ${end}`;
  const named = waiting.slice(0, namedMax).join(", ");
  const rest = waiting.length > namedMax ? `, and ${waiting.length - namedMax} more (ns-ha-config diff)` : "";
  return `${paused}; what waits: ${named}${rest}. ${end}`;
}
