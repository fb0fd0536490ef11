/**
 * Restores on the backup, one at a time; the result goes into conditions, history and the log.
 * Invariants: never while this node carries the site; a failure is returned to the primary as an answer, not thrown.
 */
import { NethsecError } from "@nethsec/host/error";
import { messageOf } from "@nethsec/host/message-of";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { ApplyAnswer } from "../cluster/agent-schemas.ts";
import { namesOf } from "../cluster/backup-changes.ts";
import { carriedSince, clearCarried } from "../cluster/carried.ts";
import { keepChanges } from "../sync/kept-changes.ts";
import { applyStaging } from "../sync/apply-staging.ts";
import { heldEntries } from "../sync/held-entries.ts";
import { recordSync } from "../sync/record-sync.ts";
import { withheldText } from "../sync/withheld-text.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import type { Reconciler } from "./reconciler.ts";

export type ApplyNode = Pick<AgentNode, "host" | "config" | "state" | "conditions" | "history">;

export class ApplyQueue implements AgentPart {
  readonly #node: ApplyNode;
  readonly #reconciler: Pick<Reconciler, "lookAgain">;
  #turn: Promise<unknown> = Promise.resolve();
  /** Wall clock, milliseconds since 1970, of the last successful restore since the agent started. */
  appliedAt: number | undefined;

  constructor(node: ApplyNode, reconciler: Pick<Reconciler, "lookAgain">) {
    this.#node = node;
    this.#reconciler = reconciler;
  }

  readonly routes = [
    answers(agentEndpoints.apply, ({ id }) => this.apply(id)),
    answers(agentEndpoints.held, async () => ({ entries: await heldEntries(this.#node.host, this.#node.config) })),
  ];

  apply(id: string | undefined): Promise<ApplyAnswer> {
    const turn = this.#turn.then(() => this.#now(id));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #now(id: string | undefined): Promise<ApplyAnswer> {
    const { host, config, state, conditions, history } = this.#node;
    if (config.role !== "backup") return refusal("not_the_backup", "This node is not the backup: it restores nothing.");
    if (state === "master") {
      return refusal(
        "backup_is_master",
        "The backup node is master now: its files are not changed under it.",
        "See `ns-ha-config status` on both nodes; both are master when they cannot hear each other.",
      );
    }
    const from = host.clock.monotonic();
    try {
      this.#keepChanges();
      const { changed, reloaded, withheld } = await applyStaging(host, config, id);
      // An id means that the primary asked: it fetched this node's state before it sent its own.
      if (id !== undefined) clearCarried(host.files);
      this.appliedAt = host.clock.now();
      recordSync(host, "Successful");
      if (withheld.length === 0) conditions.clear("restore_failed");
      else conditions.raise("restore_failed", "error", withheldText(withheld));
      if (changed.length > 0) {
        history.add({
          node: "backup",
          kind: "sync",
          text: `${changed.length} paths restored`,
          tookMs: Math.round(host.clock.monotonic() - from),
        });
        this.#reconciler.lookAgain();
      }
      return { ok: true, changed: [...changed], reloaded: [...reloaded], withheld: [...withheld] };
    } catch (error) {
      const message = messageOf(error);
      conditions.raise("restore_failed", "error", message);
      host.log("err", `restore: ${message}`);
      if (error instanceof NethsecError) return refusal(error.code, message, error.advice);
      return refusal(
        "restore_failed",
        `The backup node could not apply the files: ${message}. Nothing was changed there.`,
        "Is its disk full? On the backup node: df -h",
      );
    }
  }

  /** Saves changes made here while this node carried the site, before the restore overwrites them. */
  #keepChanges(): void {
    const { host, config, history } = this.#node;
    if (carriedSince(host.files) === undefined) return;
    const kept = keepChanges(host, config);
    if (kept === undefined) return;
    const text = `kept aside, changed here while this node carried the site: ${namesOf(kept.entries)}`;
    history.add({ node: "backup", kind: "sync", text });
    host.log("warning", `${text}. To see it: ns-ha-config diff --backup-changes`);
  }
}

function refusal(error: string, message: string, advice?: string): ApplyAnswer {
  return { ok: false, error, message, ...(advice === undefined ? {} : { advice }) };
}
