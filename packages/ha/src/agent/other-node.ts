/**
 * What is known of the other node, shown by `status` on both: when it answered last, and what it reported. The primary queries the backup with the
 * synchronisation key and sends its own data along; the backup has no way to query the primary.
 * Invariant: kept in a memory-backed file: survives a restart of the agent, but not a reboot.
 */
import { readJson } from "@nethsec/host/files/read-json";
import { version } from "@nethsec/host/version";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import { type Meeting, type OtherNode, otherNodeSchema } from "../cluster/agent-schemas.ts";
import { markIsOver, markText, readMark, type TimedMark } from "../cluster/timed-mark.ts";
import { listKept } from "../sync/kept-changes.ts";
import type { AgentNode } from "./agent-node.ts";
import type { AgentPart } from "./agent-part.ts";
import { answers } from "./agent-server.ts";
import { keptText } from "./backup-changes-part.ts";
import type { PeerClient } from "./peer-client.ts";
import type { UplinkPart } from "./uplink-part.ts";

const savedPath = "/var/run/ns-ha/other-node.json";
/** Each query costs an SSH connection and two processes. A change of state triggers one at once. */
const meetEveryMs = 60_000;
/** While both nodes say that they are master. */
const meetTroubledEveryMs = 5000;
const keptThere = "backup_changes_kept";
const outThere = "peer_in_maintenance";

type MeetingNode = Pick<AgentNode, "host" | "config" | "state" | "conditions"> & {
  readonly tracker: { readonly current: { readonly since: number } };
};

export class OtherNodePart implements AgentPart {
  readonly #node: MeetingNode;
  readonly #peer: Pick<PeerClient, "meet">;
  readonly #uplinks: Pick<UplinkPart, "report" | "learn">;
  #known: Pick<OtherNode, "seenAt" | "said">;
  #metAt = Number.NEGATIVE_INFINITY;

  constructor(node: MeetingNode, peer: Pick<PeerClient, "meet">, uplinks: Pick<UplinkPart, "report" | "learn">) {
    this.#node = node;
    this.#peer = peer;
    this.#uplinks = uplinks;
    this.#known = readJson(node.host.files, savedPath, otherNodeSchema) ?? {};
  }

  readonly routes = [answers(agentEndpoints.meet, (meeting) => this.#met(meeting))];

  readonly tick = { everyMs: 1000, run: (): Promise<void> => this.#look() };

  onState(): void {
    this.#metAt = Number.NEGATIVE_INFINITY;
  }

  get known(): OtherNode {
    const { role, peer } = this.#node.config;
    return { role: role === "primary" ? "backup" : "primary", address: peer.address, ...this.#known };
  }

  /** When the other node said last that it is master, while this node was and is master; undefined: they are not both, as far as is known. */
  get bothMasters(): number | undefined {
    const { host, state, tracker } = this.#node;
    const { said } = this.#known;
    if (state !== "master" || said?.state !== "master" || said.at < tracker.current.since) return undefined;
    return host.clock.now() - said.at > 2 * meetEveryMs ? undefined : said.at;
  }

  /** Called when the other node answered a ping or a query, or sent one itself. */
  seen(): void {
    this.#save({ ...this.#known, seenAt: this.#node.host.clock.now() });
  }

  /** The other node's maintenance, as far as this node was told; undefined: it is not in maintenance. */
  get maintenance(): TimedMark | undefined {
    const mark = this.#known.said?.maintenance;
    return mark === undefined || markIsOver(mark, this.#node.host.clock.now()) ? undefined : mark;
  }

  #look(): Promise<void> {
    const { conditions, config } = this.#node;
    const mark = this.maintenance;
    const other = config.role === "primary" ? "backup" : "primary";
    if (mark === undefined) conditions.clear(outThere);
    else
      conditions.raise(
        outThere,
        "warning",
        `The ${other} node is in maintenance ${markText(mark)}: it would not take over if this node failed. To end it, on that node: ns-ha-config maintenance off`,
      );
    return this.#meet();
  }

  async #meet(): Promise<void> {
    const { host, config, conditions } = this.#node;
    const now = host.clock.monotonic();
    if (config.role !== "primary" || !config.enabled || now - this.#metAt < this.#pauseMs) return;
    this.#metAt = now;
    const answer = await this.#peer.meet(this.#own()).catch(() => undefined);
    // Unreachable, or an older version: keep the previous data with its time.
    if (answer === undefined) return;
    this.#remember(answer);
    const kept = answer.keptChanges ?? [];
    if (kept.length === 0) conditions.clear(keptThere);
    else conditions.raise(keptThere, "warning", keptText(kept.map((name) => ({ name }))));
  }

  get #pauseMs(): number {
    return this.bothMasters === undefined ? meetEveryMs : meetTroubledEveryMs;
  }

  #met(meeting: Meeting): Meeting {
    this.#remember(meeting);
    return this.#own();
  }

  #own(): Meeting {
    const { host, config, state } = this.#node;
    const kept = config.role === "backup" ? listKept(host.files).flatMap((set) => set.entries) : [];
    const maintenance = readMark(host.files, "maintenance");
    const uplinks = this.#uplinks.report;
    return {
      version,
      state,
      keptChanges: kept.slice(0, 100).map(({ name }) => name),
      ...(maintenance === undefined ? {} : { maintenance }),
      ...(uplinks === undefined ? {} : { uplinks }),
    };
  }

  #remember({ version: theirs, state, maintenance, uplinks }: Meeting): void {
    const at = this.#node.host.clock.now();
    const said = { at, version: theirs, state, ...(maintenance === undefined ? {} : { maintenance }) };
    this.#save({ seenAt: at, said });
    this.#uplinks.learn(state, uplinks);
  }

  #save(known: Pick<OtherNode, "seenAt" | "said">): void {
    this.#known = known;
    this.#node.host.files.write(savedPath, JSON.stringify(this.known), { mode: 0o600 });
  }
}
