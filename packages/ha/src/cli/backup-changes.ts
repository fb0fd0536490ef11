/** `diff --backup-changes` and `backup-changes adopt|drop`: changes made on the backup while it was active. */
import type { Call } from "@nethsec/host/command/command";
import { table } from "@nethsec/host/command/table";
import { NethsecError, UsageError } from "@nethsec/host/error";
import { PeerClient } from "../agent/peer-client.ts";
import { type BackupChanges, type KeptSet, namesOf } from "../cluster/backup-changes.ts";
import { type HaConfig, readHaConfig } from "../cluster/config.ts";
import { notConfigured } from "../cluster/ha-error.ts";
import { onPrimary } from "../cluster/on-primary.ts";
import { adoptChanges } from "../sync/adopt-changes.ts";
import { backupChanges } from "../sync/kept-changes.ts";
import { asTyped, succeed } from "./answer.ts";

/** Works on either node: the backup reads its own changes, the primary asks the backup. */
export async function showChanges(call: Call): Promise<number> {
  const { host, io } = call;
  const config = readHaConfig(host.uci);
  if (config === undefined) throw notConfigured();
  const changes = config.role === "backup" ? backupChanges(host, config) : await peer(call, config).changes();
  if (call.json) io.out(`${JSON.stringify(changes)}\n`);
  else io.out(`${changesReport(changes, io.color)}\n`);
  return 0;
}

/** Pure. */
export function changesReport({ current, kept }: BackupChanges, color: boolean): string {
  const rows = (entries: readonly { change: string; name: string }[]): string =>
    table(
      [{ title: "Change" }, { title: "Path" }],
      entries.map(({ change, name }) => [change, name]),
      { color },
    );
  const time = (ms: number): string => new Date(ms).toISOString().replace("T", " ");
  const parts = [
    ...(current.length === 0 ? [] : [`Changed on the backup node, which carries the site:\n${rows(current)}`]),
    ...kept.map((set) => `Kept aside (the backup node took over at ${time(set.since)}):\n${rows(set.entries)}`),
    ...(kept.length === 0
      ? []
      : ["To take them into the primary node: ns-ha-config backup-changes adopt; to forget them: … drop"]),
  ];
  return parts.length === 0 ? "Nothing was changed on the backup node while it carried the site." : parts.join("\n\n");
}

export async function run(call: Call): Promise<number> {
  const what = call.args["what"];
  if (what !== "adopt" && what !== "drop")
    throw new UsageError("backup-changes needs adopt or drop", "Or to see them: ns-ha-config diff --backup-changes");
  const config = onPrimary(call.host, asTyped(call, `backup-changes ${what}`));
  const client = peer(call, config);
  const { kept } = await client.changes();
  if (kept.length === 0)
    return succeed(call, ["Nothing is kept aside on the backup node."], { adopted: [], dropped: [] });
  const names = kept.flatMap(({ entries }) => entries.map(({ name }) => name));
  if (what === "drop") {
    for (const { id } of kept) await client.dropChanges(id);
    return succeed(call, [`Forgotten: ${namesOf(kept.flatMap(({ entries }) => entries))}.`], { dropped: names });
  }
  return adopt(call, config, client, kept);
}

/** Applies the oldest set first, so that the newest change of a file wins. */
async function adopt(call: Call, config: HaConfig, client: PeerClient, kept: readonly KeptSet[]): Promise<number> {
  const adopted: string[] = [];
  const refused: string[] = [];
  for (const set of kept.toReversed()) {
    const result = await adoptChanges(call.host, config, set, {
      force: call.options["force"] === true,
      taken: new Set(adopted),
      content: (index) => client.keptContent(set.id, index),
    });
    if (result.conflicts.length > 0) {
      throw new NethsecError({
        code: "changed_on_both_nodes",
        message: `Changed on both nodes since the backup took over: ${namesOf(result.conflicts.map((name) => ({ name })))}. Nothing of it was adopted.`,
        advice: "To take the backup's version all the same: ns-ha-config backup-changes adopt --force",
      });
    }
    adopted.push(...result.adopted);
    refused.push(...result.refused);
    if (result.refused.length === 0) await client.dropChanges(set.id);
  }
  const sentences = [
    ...(adopted.length === 0 ? [] : [`Adopted: ${namesOf(adopted.map((name) => ({ name })))}.`]),
    ...(refused.length === 0
      ? []
      : [
          `Not synchronised on this node, so not taken: ${refused.join(", ")}. They stay in /etc/ns-ha/backup-changes of the backup node.`,
        ]),
  ];
  return succeed(call, sentences, { adopted, refused });
}

const peer = (call: Call, config: HaConfig): PeerClient => new PeerClient({ host: call.host, config });
