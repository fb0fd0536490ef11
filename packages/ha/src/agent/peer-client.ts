/** Requests of the primary's agent to the backup's, over SSH with the synchronisation key (see sync/sync-receive.ts): facts, file list, announcements. */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import { type BackupChanges, backupChangesSchema } from "../cluster/backup-changes.ts";
import { type Facts, factsSchema, type Meeting, meetingSchema } from "../cluster/agent-schemas.ts";
import type { HaConfig } from "../cluster/config.ts";
import { type UplinkAnswer, uplinkAnswerSchema } from "../cluster/uplinks.ts";
import { sshRun } from "../ssh/ssh-link.ts";
import { type ManifestEntry, manifestEntrySchema } from "../sync/manifest.ts";

/** For the answers `held` and `changes`: some 300 bytes for each synchronised file. */
const listMaxBytes = 4 * 1024 * 1024;
/** One file that was kept aside, as base64. */
const fileMaxBytes = 16 * 1024 * 1024;
/** Mostly 200 entries of history. */
const factsMaxBytes = 256 * 1024;
/** The nodes share a local link: one that is silent for so long hangs. */
const timeoutMs = 10_000;
/** What `ns-ha sync-receive` prints instead of an answer. */
const refusedSchema = v.object({
  ok: v.literal(false),
  error: v.string(),
  message: v.string(),
  advice: v.optional(v.string()),
});
const heldSchema = v.object({ entries: v.array(manifestEntrySchema) });

export interface PeerClientNode {
  readonly host: Host;
  readonly config: HaConfig;
}

export class PeerClient {
  readonly #node: PeerClientNode;
  constructor(node: PeerClientNode) {
    this.#node = node;
  }

  /** Throws the link's errors, and `peer_not_understood`. */
  facts(): Promise<Facts> {
    return this.#ask("facts", factsSchema);
  }

  /** The synchronised files as they are on the backup. Throws like {@link facts}. */
  async held(): Promise<readonly ManifestEntry[]> {
    return (await this.#ask("held", heldSchema)).entries;
  }

  /** Announces a planned takeover to the backup, or cancels the announcement. Throws the link's errors. */
  async announce(planned: boolean): Promise<void> {
    const command = planned ? "planned" : "not-planned";
    await sshRun(this.#node.host, this.#node.config, { key: "sync", command, timeoutMs });
  }

  /** Exchanges version, state and kept changes with the backup. Throws like {@link facts}. */
  meet(own: Meeting): Promise<Meeting> {
    return this.#ask("meet", meetingSchema, JSON.stringify(own));
  }

  /** Whether the backup could take the site because this node's uplinks are dead. Throws like {@link facts}; an older backup refuses. */
  uplinks(): Promise<UplinkAnswer> {
    return this.#ask("uplinks", uplinkAnswerSchema);
  }

  /** The changes made on the backup while it carried the site. Throws like {@link facts}. */
  changes(): Promise<BackupChanges> {
    return this.#ask("changes", backupChangesSchema);
  }

  /** Content of a file that was kept aside; `index`: of the entry in its set. Throws like {@link facts}. */
  async keptContent(id: string, index: number): Promise<Uint8Array> {
    const { data } = await this.#ask(`kept ${id} ${index}`, v.object({ data: v.string() }));
    return Buffer.from(data, "base64");
  }

  /** Deletes a set of kept changes on the backup. Throws like {@link facts}. */
  async dropChanges(id: string): Promise<void> {
    await this.#ask(`drop-changes ${id}`, v.object({ dropped: v.boolean() }));
  }

  async #ask<T>(command: string, schema: v.GenericSchema<unknown, T>, stdin = ""): Promise<T> {
    const maxOutput = command === "facts" ? factsMaxBytes : command.startsWith("kept ") ? fileMaxBytes : listMaxBytes;
    const call = { key: "sync", command, stdin, timeoutMs, maxOutput } as const;
    const { stdout, stderr } = await sshRun(this.#node.host, this.#node.config, call);
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), stdout);
    if (parsed.success) return parsed.output;
    const { address } = this.#node.config.peer;
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
