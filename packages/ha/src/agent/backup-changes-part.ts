/**
 * On the backup: records the configuration at takeover, and reports changes made while it carries the site. At failback the primary's files return
 * without waiting for these changes; apply-queue.ts saves them first.
 */
import { namesOf } from "../cluster/backup-changes.ts";
import { changesSinceTakeover, takeBase } from "../sync/carried-base.ts";
import { listKept } from "../sync/kept-changes.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";

const everyMs = 2000;
/** The first check reads all synchronised files, so it waits until the services have been started. */
const firstLookMs = 3000;
const changedHere = "changed_on_backup";
const keptHere = "backup_changes_kept";

type ChangesNode = Pick<AgentNode, "host" | "config" | "state" | "conditions" | "history" | "life">;

export class BackupChangesPart implements AgentPart {
  readonly #node: ChangesNode;
  #told: ReadonlySet<string> = new Set();
  #dirty = true;
  #masterAt: number | undefined;

  constructor(node: ChangesNode) {
    this.#node = node;
  }

  start(): void {
    const { host, config, life } = this.#node;
    if (config.role === "backup") host.files.watch("/etc", () => (this.#dirty = true), life);
  }

  readonly tick = { everyMs, run: (): void => this.#look() };

  onState(): void {
    this.#dirty = true;
  }

  #look(): void {
    const { host, config, state } = this.#node;
    if (config.role !== "backup") return;
    this.#tellKept();
    if (state !== "master" || !config.enabled) {
      this.#masterAt = undefined;
      this.#told = new Set();
      this.#node.conditions.clear(changedHere);
      return;
    }
    this.#masterAt ??= host.clock.monotonic();
    if (host.clock.monotonic() - this.#masterAt < firstLookMs || !this.#dirty) return;
    takeBase(host, config);
    this.#dirty = false;
    this.#tell();
  }

  #tell(): void {
    const { host, config, conditions, history } = this.#node;
    const changes = changesSinceTakeover(host, config) ?? [];
    if (changes.length === 0) {
      conditions.clear(changedHere);
      return;
    }
    const text = `Changed on this node since it took over: ${namesOf(changes)}. When the primary takes back its own files come back, and these are kept aside: ns-ha-config diff --backup-changes`;
    conditions.raise(changedHere, "warning", text);
    const news = changes.filter(({ name }) => !this.#told.has(name));
    this.#told = new Set(changes.map(({ name }) => name));
    if (news.length === 0) return;
    const line = `changed here while this node carries the site: ${namesOf(news)}`;
    history.add({ node: "backup", kind: "agent", text: line });
    host.log("warning", line);
  }

  #tellKept(): void {
    const { host, conditions } = this.#node;
    const entries = listKept(host.files).flatMap((set) => set.entries);
    if (entries.length === 0) conditions.clear(keptHere);
    else conditions.raise(keptHere, "warning", keptText(entries));
  }
}

/** For the notes of `status` on both nodes. */
export function keptText(entries: readonly { readonly name: string }[]): string {
  return `Changed on the backup node while it carried the site, and kept aside: ${namesOf(entries)}. On the primary node: ns-ha-config backup-changes adopt, or drop`;
}
