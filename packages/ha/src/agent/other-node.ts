/**
 * What is known of the other node, for the line that `status` has on both: when it answered last, and what it said of itself. The primary asks by
 * the key of the synchronisation and tells the backup the same of itself; the backup has no way to ask.
 * Invariant: kept in memory-backed files, so that a restart of the agent does not forget it; a reboot does.
 */
import { readJson } from "@nethsec/host/files/read-json";
import { version } from "@nethsec/host/version";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { type Meeting, type OtherNode, otherNodeSchema } from "../cluster/agent-schemas.ts";
import { listKept } from "../sync/kept-changes.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import { keptText } from "./backup-changes-part.ts";
import type { PeerClient } from "./peer-client.ts";

const savedPath = "/var/run/ns-ha/other-node.json";
/** A connection of SSH and two processes: not more often. Changes of the state are told at once. */
const meetEveryMs = 60_000;
const keptThere = "backup_changes_kept";

type MeetingNode = Pick<AgentNode, "host" | "config" | "state" | "conditions">;

export class OtherNodePart implements AgentPart {
  readonly #node: MeetingNode;
  readonly #peer: Pick<PeerClient, "meet">;
  #known: Pick<OtherNode, "seenAt" | "said">;
  #metAt = Number.NEGATIVE_INFINITY;

  constructor(node: MeetingNode, peer: Pick<PeerClient, "meet">) {
    this.#node = node;
    this.#peer = peer;
    this.#known = readJson(node.host.files, savedPath, otherNodeSchema) ?? {};
  }

  readonly routes = [answers(agentEndpoints.meet, (meeting) => this.#met(meeting))];

  readonly tick = { everyMs: 1000, run: (): Promise<void> => this.#meet() };

  onState(): void {
    this.#metAt = Number.NEGATIVE_INFINITY;
  }

  get known(): OtherNode {
    const { role, peer } = this.#node.config;
    return { role: role === "primary" ? "backup" : "primary", address: peer.address, ...this.#known };
  }

  /** It answered: a ping, a question, or it asked itself. */
  seen(): void {
    this.#save({ ...this.#known, seenAt: this.#node.host.clock.now() });
  }

  async #meet(): Promise<void> {
    const { host, config, conditions } = this.#node;
    const now = host.clock.monotonic();
    if (config.role !== "primary" || !config.enabled || now - this.#metAt < meetEveryMs) return;
    this.#metAt = now;
    const answer = await this.#peer.meet(this.#own()).catch(() => undefined);
    // Not there, or of an older version: what was known stays, with its time.
    if (answer === undefined) return;
    this.#remember(answer);
    const kept = answer.keptChanges ?? [];
    if (kept.length === 0) conditions.clear(keptThere);
    else conditions.raise(keptThere, "warning", keptText(kept.map((name) => ({ name }))));
  }

  #met(meeting: Meeting): Meeting {
    this.#remember(meeting);
    return this.#own();
  }

  #own(): Meeting {
    const { host, config, state } = this.#node;
    const kept = config.role === "backup" ? listKept(host.files).flatMap((set) => set.entries) : [];
    return { version, state, keptChanges: kept.slice(0, 100).map(({ name }) => name) };
  }

  #remember({ version: theirs, state }: Meeting): void {
    const at = this.#node.host.clock.now();
    this.#save({ seenAt: at, said: { at, version: theirs, state } });
  }

  #save(known: Pick<OtherNode, "seenAt" | "said">): void {
    this.#known = known;
    this.#node.host.files.write(savedPath, JSON.stringify(this.known), { mode: 0o600 });
  }
}
