/** `log`, `show`, `rollback`: the recorded changes of this node's configuration. */
import type { Call } from "@nethsec/host/command/command";
import { table } from "@nethsec/host/command/table";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { NethsecError, UsageError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { agentClient } from "../cluster/agent-client.ts";
import { agentEndpoints } from "../cluster/agent-endpoints.ts";
import type { RollbackAnswer } from "../cluster/agent-schemas.ts";
import { haPaths } from "../cluster/config.ts";
import { inCluster, onPrimary } from "../cluster/on-primary.ts";
import { type FileChange, kindOf, type Revision } from "../revisions/revision.ts";
import { RevisionStore } from "../revisions/revision-store.ts";
import { diffLines } from "../revisions/unified-diff.ts";
import { isWithin } from "../sync/path-rules.ts";
import { argument, asTyped, changing, succeed } from "./answer.ts";

const linesDefault = 20;

export async function log(call: Call): Promise<number> {
  inCluster(call.host);
  const count = call.options["lines"] ?? String(linesDefault);
  const limit = Number(count);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError(`"${String(count)}" is no number of lines`);
  const only = pathOf(call.args["path"]);
  const revisions = new RevisionStore(call.host.files)
    .list()
    .filter(({ changes }) => changesBelow(changes, only).length > 0)
    .slice(-limit)
    .toReversed();
  if (call.json) call.io.out(`${JSON.stringify({ revisions: revisions.map(revisionJson) })}\n`);
  else if (revisions.length === 0) call.io.out(textOfLines(["No change was recorded yet."]));
  else call.io.out(`${revisionTable(revisions, call.io.color)}\n`);
  return 0;
}

function revisionTable(revisions: readonly Revision[], color: boolean): string {
  const rows = revisions.map(({ id, at, by, changes }) => [String(id), timeText(at), by, filesText(changes)]);
  return table([{ title: "Change", align: "right" }, { title: "Time" }, { title: "By" }, { title: "Files" }], rows, {
    color,
  });
}

export async function show(call: Call): Promise<number> {
  inCluster(call.host);
  const only = pathOf(call.args["path"]);
  const { id, time, by, changes } = shown(call.host, idOf(call), Infinity);
  const wanted = changes.filter(({ path }) => only === undefined || isWithin(path, only));
  if (call.json) call.io.out(`${JSON.stringify({ id, time, by, changes: wanted })}\n`);
  else {
    // Configuration is indented by tabs, which the filter of the output would mark as hidden characters.
    const diffs = wanted.flatMap(({ diff }) => ["", ...diff.replaceAll("\t", "    ").split("\n")]);
    call.io.out(textOfLines([`Change ${id}, ${timeText(time * 1000)}, by ${by}`, ...diffs]));
  }
  return 0;
}

export interface Shown {
  readonly id: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly by: string;
  readonly changes: readonly { readonly path: string; readonly change: string; readonly diff: string }[];
}

/** A change with its differences, which together have at most `diffBytes` characters. Throws `no_such_revision`. */
export function shown(host: Pick<Host, "files">, id: number, diffBytes: number): Shown {
  const store = new RevisionStore(host.files);
  const revision = store.read(id);
  if (revision === undefined)
    throw new NethsecError({
      code: "no_such_revision",
      message: `This node has no change ${id}.`,
      advice: "Those that it has: ns-ha-config log",
    });
  let room = diffBytes;
  const changes = revision.changes.map((change) => {
    const diff = diffLines(change, (entry) => store.content(entry)).join("\n");
    const fits = diff.length <= room;
    if (fits) room -= diff.length;
    return {
      path: change.path,
      change: kindOf(change),
      diff: fits ? diff : `(too long here; on the node: ns-ha-config show ${id} ${change.path})`,
    };
  });
  return { id, time: revision.at / 1000, by: revision.by, changes };
}

/** The newest changes, the latest first, without their differences. Times in seconds since 1970, as everywhere in this interface. */
export function newest(host: Pick<Host, "files">, limit: number): object[] {
  return new RevisionStore(host.files).list().slice(-limit).toReversed().map(revisionJson);
}

export async function rollback(call: Call): Promise<number> {
  const id = idOf(call);
  const paths = call.rest.map((path) => pathOf(path) ?? "");
  const dryRun = call.options["dry-run"] === true;
  onPrimary(call.host, asTyped(call, ["rollback", String(id), ...paths].join(" ")));
  const asked = { id, paths, dryRun };
  const answer = await changing(call, `Taking the configuration back to change ${id}…`, () =>
    agentClient(call.host.files.real(haPaths.agentSocket)).ask(agentEndpoints.rollback, asked),
  );
  const { changed, left, trouble, revision } = answer;
  return succeed(call, rollbackLines(answer, dryRun), {
    changed,
    left,
    trouble: trouble ?? null,
    revision: revision ?? null,
  });
}

function rollbackLines({ changed, left, trouble, revision }: RollbackAnswer, dryRun: boolean): string[] {
  const list = (paths: readonly string[]): string[] => paths.map((path) => `  ${path}`);
  const kept = left.length === 0 ? [] : ["Left as it is, since it belongs to the cluster:", ...list(left)];
  if (changed.length === 0) return ["Nothing has changed since then.", ...kept];
  if (dryRun) return ["It would take back:", ...list(changed), ...kept];
  return [
    "Taken back:",
    ...list(changed),
    ...kept,
    ...(trouble === undefined ? [] : [`Not everything runs with it yet: ${trouble}`]),
    `The backup node gets it with the next synchronisation.${revision === undefined ? "" : ` To undo it: ns-ha-config rollback ${revision - 1}`}`,
  ];
}

function idOf(call: Call): number {
  const given = argument(call, "id");
  if (!/^\d{1,9}$/.test(given)) throw new UsageError(`"${given}" is no number of a change`, "See ns-ha-config log.");
  return Number(given);
}

function pathOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined;
  if (!given.startsWith("/"))
    throw new UsageError(
      `"${given}" is no whole path of a file`,
      "For example /etc/config/firewall; options stand first.",
    );
  return given.replace(/(?<=.)\/+$/, "");
}

function revisionJson({ id, at, by, changes }: Revision): object {
  return { id, time: at / 1000, by, files: changes.map((change) => ({ path: change.path, change: kindOf(change) })) };
}

function changesBelow(changes: readonly FileChange[], only: string | undefined): readonly FileChange[] {
  return only === undefined ? changes : changes.filter(({ path }) => isWithin(path, only));
}

const filesShown = 3;
function filesText(changes: readonly FileChange[]): string {
  const marks = { added: "+", removed: "-", changed: "", mode: "" } as const;
  const names = changes.slice(0, filesShown).map((change) => `${marks[kindOf(change)]}${change.path}`);
  return [...names, ...(changes.length > filesShown ? [`and ${changes.length - filesShown} more`] : [])].join(", ");
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}
