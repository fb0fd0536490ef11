/** `ns-report status`: whether figures arrive, and the problem if they do not. */
import type { Call } from "@nethsec/host/command/command";
import type { Condition } from "@nethsec/host/host";
import { clientCount } from "./client-count.ts";
import { useLocalTime } from "@nethsec/host/local/local-time";
import { openStore } from "../store/open-store.ts";
import { table } from "@nethsec/host/command/table";
import { formatBytes, formatDuration } from "@nethsec/host/units";
import { nsStatsRuns } from "../feed/feed-source.ts";
import { readStatus, type SeenStatus } from "../store/daemon-status.ts";
import { nextStep } from "../query/next-step.ts";
import { reportConditions } from "../query/report-conditions.ts";

/** Exit code 0 when nothing is wrong, 1 otherwise: for scripts. */
export async function run(call: Call): Promise<number> {
  const { host, io } = call;
  const store = openStore(call);
  const status = readStatus(host.files, store.base);
  const now = host.clock.now();
  if (status?.running !== true && (await nsStatsRuns(host))) return byNsStats(call, store.base);
  const conditions = [...reportConditions(status, now), ...zoneConditions(useLocalTime(host), now)];
  const healthy = status !== undefined && conditions.length === 0;
  if (call.json) {
    io.out(
      `${JSON.stringify({ path: store.base, healthy, daemon: status ?? null, writer: status?.running === true ? "dpireport" : null, conditions })}\n`,
    );
    return healthy ? 0 : 1;
  }
  if (status === undefined) {
    const { text, command } = nextStep(undefined, store.base);
    io.out(`${text}\n${command === undefined ? "" : `  ${command}\n`}`);
    return 1;
  }
  io.out(
    `${table([{ title: "dpireport" }, { title: "" }], statusRows(status, now, store.base), { color: io.color })}\n`,
  );
  for (const { severity, text } of conditions) io.out(`\n${severity}: ${text}\n`);
  return healthy ? 0 : 1;
}

/** ns-stats keeps no status of its own: only that it runs is known. */
function byNsStats({ io, json }: Call, path: string): number {
  io.out(
    json
      ? `${JSON.stringify({ path, healthy: true, daemon: null, writer: "ns-stats", conditions: [] })}\n`
      : `ns-stats (package ns-monitoring) is running and writes the reports in ${path}; whether it gets data is not known here.\ndpireport instead: ns-report source auto\n`,
  );
  return 0;
}

/** A wrong time zone makes the reports wrong: days begin at the wrong hour. */
function zoneConditions(problem: string | undefined, now: number): Condition[] {
  return problem === undefined ? [] : [{ code: "timezone_unknown", severity: "warning", since: now, text: problem }];
}

function statusRows(status: SeenStatus, now: number, base: string): [string, string][] {
  const ago = (at: number | undefined): string =>
    at === undefined ? "never" : `${formatDuration(Math.max(0, now - at))} ago`;
  const unattributed =
    status.unattributed.unknown_flow + status.unattributed.not_a_client + status.unattributed.no_room;
  return [
    ["Reports", base],
    ["Source", `${status.source}, ${status.running && status.connected ? "connected" : "not connected"}`],
    ["Last event", ago(status.last_event)],
    ["Last dump", ago(status.last_dump)],
    status.running ? ["Running for", formatDuration(Math.max(0, now - status.started))] : ["Running", "no"],
    [
      "Events",
      `${status.events.toLocaleString("en-GB")}${status.malformed > 0 ? `, and ${status.malformed} malformed lines` : ""}`,
    ],
    ["Counted", `${formatBytes(status.bytes)}, unattributed ${formatBytes(unattributed)}`],
    ["Flows", `${status.flows} of ${clientCount(status.clients)} this hour`],
    ["Memory", formatBytes(status.memory)],
  ];
}
