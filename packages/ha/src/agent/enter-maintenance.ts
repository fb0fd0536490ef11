/**
 * Takes this node out of service: if it carries the site, hands it over first; then holds keepalived in FAULT through the tracked file, so that
 * this node never takes over. The caller ends it (maintenance-part.ts).
 * Invariants: without `force`, refused unless another node carries the site afterwards; when the other node does not take over after all, this node
 * is not in maintenance. Two nodes that enter at the same moment: at least one of them sees no other master and comes back
 * (maintenance.property.test.ts).
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import type { Facts, MaintenanceAnswer, OtherNode } from "../cluster/agent-schemas.ts";
import { type HaConfig, haPaths } from "../cluster/config.ts";
import type { VrrpState } from "../cluster/state.ts";
import { markText, type TimedMark } from "../cluster/timed-mark.ts";
import { handOver } from "../cluster/tracked-priority.ts";
import { VipProbe } from "./vip-probe.ts";

export interface MaintenanceContext {
  readonly host: Pick<Host, "files" | "run" | "clock">;
  readonly config: HaConfig;
  readonly state: () => VrrpState;
  /** What the other node told last; the backup cannot ask the primary. */
  readonly other: () => OtherNode;
  /** Asks the backup. Throws the link's errors. */
  readonly peer: () => Promise<Facts>;
  /** Sends the backup what it lacks; returns why that failed. */
  readonly bringUpToDate: () => Promise<string | undefined>;
  /** Announces to both nodes that a planned takeover follows, or that it did not happen. Never throws. */
  readonly announce: (planned: boolean) => Promise<void>;
  /** Keeps the mark on flash (undefined: removes it), and has keepalived start accordingly. */
  readonly keep: (mark: TimedMark | undefined) => void;
}

/** Time for the other node to take over. */
const takeOverMs = 20_000;
const pollMs = 50;
/** The primary tells its state each minute, and at each change. */
const saidMaxMs = 150_000;

/** Throws `maintenance_refused` before anything was changed, and `maintenance_failed` when the other node did not take over. */
export async function enterMaintenance(
  context: MaintenanceContext,
  mark: TimedMark,
  force: boolean,
): Promise<MaintenanceAnswer> {
  const { config, state } = context;
  if (!config.enabled) throw refused("the cluster is disabled", "To enable it: ns-ha-config enable");
  const carries = state() === "master";
  const why = force ? undefined : await hindrance(context, carries);
  if (why !== undefined) throw refused(...why);
  const handsOver = carries && config.role === "primary";
  if (handsOver) await context.announce(true);
  const probe = carries ? new VipProbe(context.host, config) : undefined;
  try {
    const before = leave(context, mark);
    // Also a node that did not carry the site looks: the other one may have entered at the same moment, and handed the site to this one.
    const left = await until(context, () => Promise.resolve(state() !== "master"));
    const taken = left && (force || (await until(context, () => takenOver(context))));
    if (!taken) {
      comeBack(context, before);
      if (handsOver) await context.announce(false);
      throw failed(config);
    }
    if (!force) await probe?.settle();
  } finally {
    await probe?.stop();
  }
  return { maintenance: mark, ...(force || probe === undefined ? {} : { outageMs: probe.outageMs }) };
}

type Reason = readonly [why: string, advice: string];

/** Why nobody would carry the site while this node is in maintenance. */
async function hindrance(context: MaintenanceContext, carries: boolean): Promise<Reason | undefined> {
  return context.config.role === "primary" ? ofPrimary(context, carries) : ofBackup(context, carries);
}

async function ofPrimary({ peer, bringUpToDate }: MaintenanceContext, carries: boolean): Promise<Reason | undefined> {
  const { maintenance, state } = await peer();
  if (maintenance !== undefined) return otherIsOut("backup", maintenance);
  const wanted = carries ? "backup" : "master";
  if (state !== wanted)
    return [
      carries
        ? `the backup node is ${state}, not backup: it would not take over`
        : `this node does not carry the site, and the backup node is ${state}, not master`,
      "See: ns-ha-config drill",
    ];
  const outdated = carries ? await bringUpToDate() : undefined;
  if (outdated === undefined) return undefined;
  return [`the backup node could not be given the newest state: ${outdated}`, "See: ns-ha-config sync --wait"];
}

async function ofBackup(context: MaintenanceContext, carries: boolean): Promise<Reason | undefined> {
  const { address, said } = context.other();
  if (said?.maintenance !== undefined) return otherIsOut("primary", said.maintenance);
  if (!carries) {
    if (await vipAnswers(context)) return undefined;
    return [
      "nobody answers for the virtual address, so the primary node does not carry the site",
      "See: ns-ha-config status",
    ];
  }
  const fresh = said !== undefined && context.host.clock.now() - said.at < saidMaxMs;
  if (fresh && said.state === "backup") return undefined;
  return [
    fresh
      ? `the primary node is ${said.state}, not backup: it would not take over`
      : `the primary node ${address} has not told its state for a while: it may not take over`,
    "See: ns-ha-config drill",
  ];
}

const otherIsOut = (other: string, mark: TimedMark): Reason => [
  `the ${other} node is in maintenance ${markText(mark)}: nobody would carry the site`,
  "End that one first: ns-ha-config maintenance off, there",
];

/** The primary asks the backup; the backup, which cannot ask, pings the virtual address, which it no longer has. */
async function takenOver(context: MaintenanceContext): Promise<boolean> {
  if (context.config.role === "backup") return vipAnswers(context);
  try {
    return (await context.peer()).state === "master";
  } catch (error) {
    if (error instanceof NethsecError) return false; // asked again until the deadline
    throw error;
  }
}

async function vipAnswers({ host, config }: MaintenanceContext): Promise<boolean> {
  const vip = config.interfaces[0]?.virtualIp.split("/")[0] ?? "";
  const { code } = await host.run(["ping", "-c", "1", "-W", "1", vip], { timeoutMs: 3000, ok: "any" });
  return code === 0;
}

/** Returns the number that was in the tracked file. */
function leave({ host, keep }: MaintenanceContext, mark: TimedMark): string {
  const before = host.files.readText(haPaths.priorityFile) ?? "0\n";
  keep(mark);
  host.files.write(haPaths.priorityFile, `${handOver}\n`, { mode: 0o644 });
  return before;
}

function comeBack({ host, keep }: MaintenanceContext, before: string): void {
  host.files.write(haPaths.priorityFile, before, { mode: 0o644 });
  keep(undefined);
}

async function until({ host }: MaintenanceContext, holds: () => Promise<boolean>): Promise<boolean> {
  const { clock } = host;
  const end = clock.monotonic() + takeOverMs;
  while (!(await holds())) {
    if (clock.monotonic() > end) return false;
    await clock.sleep(pollMs);
  }
  return true;
}

function refused(why: string, advice: string): NethsecError {
  return new NethsecError({
    code: "maintenance_refused",
    message: `No maintenance: ${why}.`,
    advice: `${advice}. With --force the site may be without a firewall.`,
  });
}

function failed({ role }: HaConfig): NethsecError {
  const other = role === "primary" ? "backup" : "primary";
  return new NethsecError({
    code: "maintenance_failed",
    message: `The ${other} node did not take over within ${takeOverMs / 1000} s: this node is not in maintenance and takes part again.`,
    advice: "See: ns-ha-config drill, and /var/log/messages of both nodes.",
  });
}
