/** `sync`, `diff`, `history`, `switch`, `drill`: actions that the agent of this primary carries out or answers. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { table } from "@nethsec/host/command/table";
import { formatDuration } from "@nethsec/host/units";
import type { DrillCheck, HistoryEntry, SyncEvent } from "../cluster/agent-schemas.ts";
import { agentClient, type AgentClient } from "../cluster/agent-client.ts";
import { agentEndpoints, historyLimitMax } from "../cluster/agent-endpoints.ts";
import { inCluster, onPrimary } from "../cluster/on-primary.ts";
import { haPaths } from "../cluster/config.ts";
import { asTyped, changing, progress } from "./answer.ts";
import { showChanges } from "./backup-changes.ts";

function agent(call: Call): AgentClient {
  return agentClient(call.host.files.real(haPaths.agentSocket));
}

export async function sync(call: Call): Promise<number> {
  const force = call.options["force"];
  if (force !== undefined && (typeof force !== "string" || !force.startsWith("/")))
    throw new UsageError("--force needs the whole path of a file, e.g. /etc/config/dhcp");
  const wait = call.options["wait"] === true || force !== undefined;
  onPrimary(call.host, asTyped(call, "sync"));
  const wanted = { wait, force: force === undefined ? [] : [force] };
  return reportSync(call, agent(call).stream(agentEndpoints.sync, wanted, call.signal), wait);
}

/** Prints the events of a synchronisation; returns the exit code. `wait`: the last one tells how it ended, not only that it began. */
export async function reportSync(call: Call, events: AsyncIterable<SyncEvent>, wait: boolean): Promise<number> {
  for await (const event of events) {
    if (event.kind === "progress") {
      progress(call, event.text);
      continue;
    }
    const { status, ok, changed, tookMs, advice } = event;
    if (call.json)
      call.io.out(
        `${JSON.stringify({ success: ok, status, changed, took_ms: tookMs, ...(advice === undefined ? {} : { advice }) })}\n`,
      );
    else if (ok && !wait) call.io.out("The synchronisation was started; what comes of it: ns-ha-config status\n");
    else if (ok)
      call.io.out(textOfLines([`Synchronisation: ${status}, ${formatDuration(tookMs)}`, ...changedLines(changed)]));
    else call.io.err(textOfLines([`Synchronisation: ${status}`, ...(advice === undefined ? [] : [advice])]));
    return ok ? 0 : 1;
  }
  return 1;
}

function changedLines(changed: readonly string[]): readonly string[] {
  return changed.length === 0
    ? ["Nothing had changed."]
    : ["Applied on the backup node:", ...changed.map((path) => `  ${path}`)];
}

const sameThere = "The backup node holds what the primary has.";
const sameHere = "This node holds what the primary sent last.";

export async function diff(call: Call): Promise<number> {
  if (call.options["backup-changes"] === true) return showChanges(call);
  const { role } = inCluster(call.host);
  const { entries } = await agent(call).ask(agentEndpoints.diff, {});
  if (call.json) call.io.out(`${JSON.stringify({ entries })}\n`);
  else if (entries.length === 0) call.io.out(`${role === "primary" ? sameThere : sameHere}\n`);
  else {
    const rows = entries.map(({ path, change, detail }) => [change, path, detail ?? ""]);
    call.io.out(
      `${table([{ title: "Change" }, { title: "Path" }, { title: "Detail" }], rows, { color: call.io.color })}\n`,
    );
  }
  return 0;
}

const historyDefault = 20;

export async function history(call: Call): Promise<number> {
  const count = call.options["lines"];
  const limit = count === undefined ? historyDefault : Number(count);
  if (!Number.isInteger(limit) || limit < 1 || limit > historyLimitMax)
    throw new UsageError(`"${String(count)}" is no number of lines (1 to ${historyLimitMax})`);
  inCluster(call.host);
  const follow = call.options["follow"] === true;
  const entries: HistoryEntry[] = [];
  try {
    for await (const entry of agent(call).stream(agentEndpoints.history, { limit, follow }, call.signal)) {
      if (call.json && !follow) entries.push(entry);
      else call.io.out(call.json ? `${JSON.stringify(entry)}\n` : textOfLines([historyLine(entry)]));
    }
  } catch (error) {
    if (!call.signal.aborted) throw error; // interrupted: that is how one leaves --follow
  }
  if (call.json && !follow) call.io.out(`${JSON.stringify({ entries })}\n`);
  return 0;
}

/** "2025-06-09 07:21:15.123Z  primary  transition  backup → master  (0.31 s)" */
export function historyLine(entry: HistoryEntry): string {
  const time = new Date(entry.at).toISOString().replace("T", " ");
  const took = entry.tookMs === undefined ? "" : `  (${formatDuration(entry.tookMs)})`;
  return `${time}  ${entry.node.padEnd(7)}  ${entry.kind.padEnd(10)}  ${entry.text}${took}`;
}

export async function switchOver(call: Call): Promise<number> {
  const given = call.options["to"] ?? "backup";
  if (given !== "primary" && given !== "backup") throw new UsageError("--to is primary or backup");
  onPrimary(call.host, asTyped(call, "switch"));
  const { master, outageMs, convergedMs } = await changing(call, `Handing over to the ${given} node…`, () =>
    agent(call).ask(agentEndpoints.switch, { to: given }),
  );
  if (call.json)
    call.io.out(
      `${JSON.stringify({ success: true, master, outage_ms: outageMs, converged_ms: convergedMs ?? null })}\n`,
    );
  else {
    const whole =
      convergedMs === undefined ? "" : `; every service was in its place after ${formatDuration(convergedMs)}`;
    call.io.out(`The ${master} node is master now; measured outage ${formatDuration(outageMs)}${whole}.\n`);
    if (master === "backup") call.io.out("Back: ns-ha-config switch --to primary\n");
  }
  return 0;
}

export async function drill(call: Call): Promise<number> {
  inCluster(call.host);
  progress(call, "Checking what a failover needs…");
  const { checks } = await agent(call).ask(agentEndpoints.drill, {});
  const failed = checks.some(({ verdict }) => verdict === "fail");
  if (call.json) call.io.out(`${JSON.stringify({ success: !failed, checks })}\n`);
  else call.io.out(textOfLines(drillReport(checks, call.io.color)));
  return failed ? 1 : 0;
}

/** One line per check with its verdict, then a summary. Pure. */
export function drillReport(checks: readonly DrillCheck[], color: boolean): readonly string[] {
  const code = { ok: 32, warning: 33, fail: 31 } as const;
  const lines = checks.map(({ verdict, text }) => {
    const word = verdict.padEnd(7);
    return `${color ? `\u001b[${code[verdict]}m${word}\u001b[0m` : word}  ${text}`;
  });
  const failed = checks.filter(({ verdict }) => verdict === "fail").length;
  const sum =
    failed === 0
      ? "A failover now would lose nothing."
      : `A failover now would lose something: ${failed} of ${checks.length} checks failed.`;
  return [...lines, "", sum];
}
