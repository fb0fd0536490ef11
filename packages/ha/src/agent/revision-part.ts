/**
 * Records each change of this node's configuration (revisions/), and takes the configuration back to an earlier revision on request. Both nodes
 * record their own changes. An error of recording is a condition: nothing else depends on it.
 */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { RollbackAnswer } from "../cluster/agent-schemas.ts";
import { committer } from "../revisions/author.ts";
import type { Entries, Entry, Revision } from "../revisions/revision.ts";
import { RevisionStore } from "../revisions/revision-store.ts";
import { rollBack, type RollBackRequest } from "../revisions/roll-back.ts";
import { contentHere, TrackedFiles, trackedRoots } from "../revisions/tracked-files.ts";
import { isWithin } from "../sync/path-rules.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";

export const notRecorded = "changes_not_recorded";
/** A change is recorded when nothing has changed for this long: the web interface saves several files at once. */
const quietMs = 2000;
/** A file that changes all the time is recorded this often. */
const longestMs = 30_000;
/** A commit logged this long before the agent saw the first change belongs to it. */
const commitBeforeMs = 5000;
const logTailBytes = 256 * 1024;

type Node = Pick<AgentNode, "host" | "config" | "state" | "conditions" | "life">;

export interface RevisionNeeds {
  /** Wall clock of the last restore of what the primary sent; undefined: there was none. */
  readonly appliedAt: () => number | undefined;
}

export class RevisionPart implements AgentPart {
  readonly #node: Node;
  readonly #needs: RevisionNeeds;
  readonly #store: RevisionStore;
  readonly #tracked: TrackedFiles;
  #roots: readonly string[] = [];
  /** Wall clock of the first and the last change that is not recorded yet. */
  #waiting: { readonly first: number; readonly last: number } | undefined;
  #recordedAt: number;
  /** The agent's own changes at a transition. */
  #changedTo: string | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(node: Node, needs: RevisionNeeds) {
    this.#node = node;
    this.#needs = needs;
    this.#store = new RevisionStore(node.host.files);
    this.#tracked = new TrackedFiles(node.host);
    this.#recordedAt = node.host.clock.now();
  }

  readonly routes = [answers(agentEndpoints.rollback, (asked) => this.#inTurn(() => this.#rollBack(asked)))];

  readonly tick = {
    everyMs: 1000,
    run: async (): Promise<void> => {
      if (this.#isDue()) await this.#inTurn(() => this.#record());
    },
  };

  /** What changed while the agent was not running is recorded as one revision. */
  start(): void {
    const { host, life } = this.#node;
    this.#roots = trackedRoots(host, this.#node.config);
    this.#notice();
    host.files.watch("/etc", (path) => this.#roots.some((root) => isWithin(path, root)) && this.#notice(), life);
  }

  onConfig(): void {
    this.#roots = trackedRoots(this.#node.host, this.#node.config);
  }

  onState(): void {
    this.#changedTo = this.#node.state;
  }

  #notice(): void {
    const now = this.#node.host.clock.now();
    this.#waiting = { first: this.#waiting?.first ?? now, last: now };
  }

  #isDue(): boolean {
    if (this.#waiting === undefined) return false;
    const now = this.#node.host.clock.now();
    const { first, last } = this.#waiting;
    return now - last >= quietMs || now - first >= longestMs || now < first;
  }

  /** Records what waits. A failure is a condition, and is tried again. */
  async #record(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    try {
      await this.#recordNow(waiting?.first ?? this.#node.host.clock.now());
    } catch (error) {
      const now = this.#node.host.clock.now();
      this.#waiting = { first: now, last: now };
      const text = `A change of this node's configuration is not recorded: ${messageOf(error)}. It is tried again; is there room on the disk? df /etc`;
      this.#node.conditions.raise(notRecorded, "warning", text);
    }
  }

  /** `since`: when the first change was seen. Throws what the disk throws. */
  async #recordNow(since: number, by?: string): Promise<Revision | undefined> {
    const { host, config, conditions } = this.#node;
    const entries = this.#tracked.entries(config);
    const author = by ?? (await this.#author(since, entries));
    const at = host.clock.now();
    const revision = this.#store.record({ at, by: author, entries, content: contentHere(host.files) });
    this.#recordedAt = at;
    this.#changedTo = undefined;
    conditions.clear(notRecorded);
    return revision;
  }

  async #author(since: number, entries: Entries): Promise<string> {
    const { host, config } = this.#node;
    const applied = this.#needs.appliedAt();
    if (config.role === "backup" && applied !== undefined && applied >= this.#recordedAt) return "the primary node";
    const log = await host
      .run(["tail", "-c", String(logTailBytes), "/var/log/messages"], { timeoutMs: 5000, ok: "any" })
      .then(({ stdout }) => stdout)
      .catch(() => "");
    const user = committer(log, since - commitBeforeMs, host.clock.now());
    if (user !== undefined) return `${user} (web interface)`;
    if (this.#changedTo !== undefined) return `ns-ha, as ${this.#changedTo}`;
    const changed = [...entries.values()].filter((entry) => this.#isNew(entry, since));
    const uids = [...new Set(changed.map(({ uid }) => uid))];
    return uids.length === 0 ? "uid 0" : uids.map((uid) => `uid ${uid}`).join(", ");
  }

  #isNew({ path }: Entry, since: number): boolean {
    return (this.#node.host.files.stat(path)?.mtimeMs ?? 0) >= since - 1000;
  }

  async #rollBack(asked: RollBackRequest): Promise<RollbackAnswer> {
    const { host, config } = this.#node;
    if (config.role !== "primary")
      throw new NethsecError({
        code: "not_on_the_backup",
        message: "This node is the backup: its configuration is that of the primary node. Nothing was changed.",
        advice: `On the primary node: ns-ha-config rollback ${asked.id}`,
      });
    const since = this.#waiting?.first ?? host.clock.now();
    // Throws when it cannot be recorded: what was changed last would be lost, and the differences would be those of an older state.
    await this.#recordNow(since);
    const result = await rollBack(host, config, this.#store, asked);
    const { changed, left } = result;
    if (asked.dryRun || changed.length === 0) return { ...result, changed: [...changed], left: [...left] };
    const revision = await this.#recordRollback(asked.id);
    host.log("info", `rollback to change ${asked.id}: ${changed.join(", ")}`);
    return {
      ...result,
      changed: [...changed],
      left: [...left],
      ...(revision === undefined ? {} : { revision: revision.id }),
    };
  }

  /** The files are in place already: a failure of recording does not undo that. */
  async #recordRollback(id: number): Promise<Revision | undefined> {
    try {
      return await this.#recordNow(this.#node.host.clock.now(), `ns-ha-config rollback ${id}`);
    } catch {
      this.#notice(); // tried again, and told as a condition
      return undefined;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
