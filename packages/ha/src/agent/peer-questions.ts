/** What the primary asks the backup, by the key of the synchronisation: facts, what it holds; and what follows from that: diff, drill, history of both. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { version } from "@nethsec/host/version";
import * as v from "valibot";
import {
  type DiffEntry,
  type DrillCheck,
  type Facts,
  factsSchema,
  type HistoryEntry,
} from "../cluster/agent-client.ts";
import { requiredDevices } from "../cluster/checks.ts";
import type { HaConfig } from "../cluster/config.ts";
import { sshRun } from "../ssh/ssh-link.ts";
import { diffEntries } from "../sync/diff.ts";
import { type ManifestEntry, manifestEntrySchema } from "../sync/manifest.ts";
import { readConnections } from "./conntrackd-state.ts";
import { type DrillFacts, drillChecks } from "./drill.ts";
import { type History, mergeHistory } from "./history.ts";

/** Two nodes on one wire: one that says nothing for so long hangs. */
const timeoutMs = 10_000;
/** What `ns-ha sync-receive` prints instead of an answer. */
const refusedSchema = v.object({
  ok: v.literal(false),
  error: v.string(),
  message: v.string(),
  advice: v.optional(v.string()),
});
const heldSchema = v.object({ entries: v.array(manifestEntrySchema) });

/** A clock that is further off than this would put the other node's entries in another order than that in which things happened. */
const skewMinMs = 2000;

/** The other node's entries, their times as this node's clock would have told them. */
export function asHere({ now, history }: Pick<Facts, "now" | "history">, here: number): readonly HistoryEntry[] {
  const skew = now - here;
  return Math.abs(skew) < skewMinMs ? history : history.map((entry) => ({ ...entry, at: Math.round(entry.at - skew) }));
}

export class PeerQuestions {
  readonly #host: Host;
  readonly #config: () => HaConfig;
  readonly #history: History;
  readonly #entries: () => Promise<readonly ManifestEntry[]>;

  /** `entries`: what would be sent now. */
  constructor(host: Host, config: () => HaConfig, history: History, entries: () => Promise<readonly ManifestEntry[]>) {
    this.#host = host;
    this.#config = config;
    this.#history = history;
    this.#entries = entries;
  }

  /** Throws what the link throws, and `peer_not_understood`. */
  facts(): Promise<Facts> {
    return this.#ask("facts", factsSchema);
  }

  async diff(): Promise<DiffEntry[]> {
    const [here, there] = await Promise.all([this.#entries(), this.#ask("held", heldSchema)]);
    return diffEntries(here, there.entries);
  }

  /** Tells the backup that a takeover now is planned, or that it did not come. Throws what the link throws. */
  async announce(planned: boolean): Promise<void> {
    const command = planned ? "planned" : "not-planned";
    await sshRun(this.#host, this.#config(), { key: "sync", command, timeoutMs });
  }

  /** The last `limit` entries of both nodes; of this one alone, and that as its last entry, when the other does not answer. */
  async history(limit: number): Promise<HistoryEntry[]> {
    const own = this.#history.list(limit);
    const { role, peer } = this.#config();
    if (role !== "primary") return own;
    const facts = await this.facts().catch(() => undefined);
    const at = this.#host.clock.now();
    if (facts !== undefined) return mergeHistory(own, asHere(facts, at), limit);
    const text = `the backup node ${peer.address} does not answer: its entries are not in this list`;
    return mergeHistory(own, [{ at, node: role, kind: "fault", text }], limit);
  }

  async drill(own: Pick<DrillFacts, "state" | "converged" | "lastSync">): Promise<DrillCheck[]> {
    let peerTrouble: string | undefined;
    const [peer, diff, connections, entries] = await Promise.all([
      this.facts().catch((error: unknown) => {
        peerTrouble = error instanceof Error ? error.message : String(error);
        return undefined;
      }),
      this.diff().catch(() => undefined),
      readConnections(this.#host),
      this.#entries(),
    ]);
    return drillChecks({
      ...own,
      config: this.#config(),
      version,
      now: this.#host.clock.now(),
      connections,
      devices: requiredDevices(this.#host.uci.read("network")),
      syncBytes: entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0),
      diff,
      peer,
      peerTrouble,
    });
  }

  async #ask<T>(command: "facts" | "held", schema: v.GenericSchema<unknown, T>): Promise<T> {
    const { stdout, stderr } = await sshRun(this.#host, this.#config(), { key: "sync", command, timeoutMs });
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), stdout);
    if (parsed.success) return parsed.output;
    const { address } = this.#config().peer;
    const refused = v.safeParse(v.pipe(v.string(), v.parseJson(), refusedSchema), stdout);
    if (refused.success) {
      const { error, message, advice } = refused.output;
      throw new NethsecError({
        code: error,
        message: `The backup node ${address} could not answer: ${message}`,
        ...(advice === undefined ? {} : { advice: `On that node: ${advice}` }),
      });
    }
    const said = stderr.trim().split("\n").at(-1) ?? "";
    throw new NethsecError({
      code: "peer_not_understood",
      message: `The backup node ${address} gave no usable answer${said === "" ? "" : `: ${said}`}.`,
      advice: `Check that nethsec is installed there in the same version: ssh root@${address} nethsec --version`,
    });
  }
}
