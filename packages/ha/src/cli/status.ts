/** `status`: the only action for both nodes, in the layout of the documentation; more lines may follow it. */
import type { Call } from "@nethsec/host/command/command";
import { textOfLines } from "@nethsec/host/command/visible-text";
import { markText, type TimedMark } from "../cluster/timed-mark.ts";
import type { OtherNode } from "../cluster/agent-schemas.ts";
import { formatDuration } from "@nethsec/host/units";
import { clusterStatus, type ClusterStatus } from "../cluster/cluster-status.ts";
import type { Uplink, UplinkReport } from "../cluster/uplinks.ts";

export async function run(call: Call): Promise<number> {
  if (call.options["watch"] !== true) return print(call);
  for (;;) {
    if (call.io.stdoutIsTerminal) call.io.out("\u001b[H\u001b[2J");
    await print(call);
    try {
      await call.host.clock.sleep(1000, call.signal);
    } catch {
      return 0; // interrupted: that is how one leaves
    }
  }
}

async function print(call: Call): Promise<number> {
  const status = await clusterStatus(call.host);
  if (call.json) call.io.out(`${JSON.stringify(asJson(status))}\n`);
  else call.io.out(showStatus(status, await localTime(call, status.lastSyncTime), call.io.color));
  return 0;
}

/** The plugin's field names (contract ns-ha 2), plus the fields added since. */
function asJson(status: ClusterStatus): Record<string, unknown> {
  return {
    role: status.role,
    status: status.status,
    state: status.state,
    timing: status.timing,
    last_sync_status: status.lastSyncStatus ?? "",
    last_sync_time: status.lastSyncTime ?? 0,
    virtual_ips: Object.fromEntries(status.virtualIps.map(({ section, options }) => [section, options])),
    keepalived_stats: status.keepalivedStats,
    ...(status.otherNode === undefined ? {} : { other_node: otherNodeJson(status.otherNode) }),
    ...(status.maintenance === undefined ? {} : { maintenance: markJson(status.maintenance) }),
    ...(status.syncPaused === undefined
      ? {}
      : { sync_paused: { ...markJson(status.syncPaused), waiting: status.syncPaused.waiting ?? null } }),
    ...(status.uplinks === undefined ? {} : { uplinks: uplinksJson(status.uplinks) }),
    pending: status.pending,
    conditions: status.conditions,
  };
}

/** Epoch seconds; `until` null: without an end. */
export function markJson({ since, until }: TimedMark): { since: number; until: number | null } {
  return { since: Math.floor(since / 1000), until: until === undefined ? null : Math.floor(until / 1000) };
}

/** The watched WANs; times in seconds. `last_move.by`: uplinks, or administrator. */
export function uplinksJson({ uplinks, move }: UplinkReport): Record<string, unknown> {
  return {
    watched: uplinks.map(({ name, word, deadMs }) => ({
      interface: name,
      status: word ?? null,
      dead_seconds: deadMs === undefined ? null : Math.floor(deadMs / 1000),
    })),
    last_move:
      move === undefined
        ? null
        : {
            at: Math.floor(move.at / 1000),
            to: move.to,
            by: move.attempt === 0 ? "administrator" : "uplinks",
            helped: move.worked,
          },
  };
}

/** The lines of `status` about the watched WANs. Pure. */
function uplinkLines({ uplinks, move }: UplinkReport, state: string): string[] {
  const text = ({ word, deadMs }: Uplink): string => {
    if (state !== "master") return "not tested while this node is passive";
    return `${word ?? "mwan3 says nothing"}${deadMs === undefined ? "" : ` for ${formatDuration(deadMs)}`}`;
  };
  const moved =
    move === undefined || move.attempt === 0
      ? []
      : [
          `  moved to the ${move.to} node because all were dead: ${new Date(move.at).toISOString().slice(0, 16).replace("T", " ")} UTC`,
        ];
  return ["", "Watched WANs:", ...uplinks.map((each) => `  ${each.name}: ${text(each)}`), ...moved];
}

function otherNodeJson({ role, address, seenAt, said }: OtherNode): Record<string, unknown> {
  return {
    role,
    address,
    ...(seenAt === undefined ? {} : { seen_at: Math.floor(seenAt / 1000) }),
    ...(said === undefined ? {} : { state: said.state, version: said.version, said_at: Math.floor(said.at / 1000) }),
    ...(said?.maintenance === undefined ? {} : { maintenance: markJson(said.maintenance) }),
  };
}

/** Older information is shown with its age. */
const freshMs = 90_000;

/** "backup 192.168.100.239, seen 3 s ago, state backup, version 0.2.0". Pure. */
export function otherNodeText({ role, address, seenAt, said }: OtherNode, now: number): string {
  const age = (at: number): string => {
    const seconds = Math.max(0, Math.round((now - at) / 1000));
    return `${seconds < 60 ? `${seconds} s` : formatDuration(seconds * 1000)} ago`;
  };
  const seen = seenAt === undefined ? "not seen since this node was started" : `seen ${age(seenAt)}`;
  if (said === undefined) return `${role} ${address}, ${seen}, its state and version are not known`;
  const then = now - said.at > freshMs ? ` ${age(said.at)}` : "";
  const out = said.maintenance === undefined ? "" : `, in maintenance ${markText(said.maintenance)}`;
  return `${role} ${address}, ${seen}, state${then === "" ? "" : `${then}:`} ${said.state}, version ${said.version}${out}`;
}

/** As `date` prints it, in the firewall's time zone. */
async function localTime(call: Call, seconds: number | undefined): Promise<string | undefined> {
  if (seconds === undefined) return undefined;
  const { stdout } = await call.host.run(["date", "-d", `@${seconds}`, "+%a %b %e %H:%M:%S %Z %Y"], {
    timeoutMs: 2000,
  });
  return stdout.trim();
}

const colors: Readonly<Record<string, number>> = {
  enabled: 32,
  disabled: 90,
  master: 94,
  fault: 31,
  unknown: 33,
  error: 31,
  warning: 33,
};

/** Pure. Returns the text with its final newline. `syncTime`: as `date` prints it. */
export function showStatus(status: ClusterStatus, syncTime: string | undefined, color: boolean): string {
  const paint = (text: string, kind = text): string => {
    const code = colors[kind];
    return color && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
  };
  if (status.role === "unknown") return `Status: ${paint("disabled")}\n`;
  const lines = [`Status: ${paint(status.status)}`, `Role: ${status.role}`, `Current State: ${paint(status.state)}`];
  if (status.lastSyncStatus !== undefined) {
    const good = status.lastSyncStatus === "Successful";
    lines.push(`Last Sync Status: ${paint(status.lastSyncStatus, good ? "enabled" : "error")}`);
  }
  if (syncTime !== undefined) lines.push(`Last Sync Time: ${syncTime}`);
  if (status.virtualIps.length > 0) {
    const ips = status.virtualIps.map(
      ({ section, options }) => `  ${section}: ${options["address"] ?? ""} (${options["device"] ?? ""})`,
    );
    lines.push("", "Virtual IPs:", ...ips);
  }
  const stats = Object.entries(status.keepalivedStats).map(([name, value]) => `  ${name}: ${value}`);
  if (stats.length > 0) lines.push("", "Keepalived Statistics:", ...stats);
  if (status.otherNode !== undefined) lines.push("", `Other Node: ${otherNodeText(status.otherNode, status.now)}`);
  if (status.uplinks !== undefined) lines.push(...uplinkLines(status.uplinks, status.state));
  const notes = [
    ...status.pending.map((step) => `  pending: ${step}`),
    ...status.conditions.map(({ severity, text }) => `  ${paint(severity)}: ${text}`),
  ];
  if (notes.length > 0) lines.push("", "Notes:", ...notes);
  return textOfLines(lines);
}
