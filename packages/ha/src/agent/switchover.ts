/**
 * A planned switchover, run on the primary: writes a number to a file that keepalived tracks and adds to this node's priority. The configuration
 * does not change, and a reboot resets it.
 * Invariants: refused when the other node could not take over; when it does not, the primary takes back and reports an error; while the backup has
 * the site, this node stands by and takes over if the backup fails.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import type { VrrpState } from "../cluster/state.ts";
import type { Facts, SwitchResult } from "../cluster/agent-schemas.ts";
import { type HaConfig, haPaths } from "../cluster/config.ts";
import { type TimedMark, markText } from "../cluster/timed-mark.ts";
import { handOver, standBy } from "../cluster/tracked-priority.ts";
import { VipProbe } from "./vip-probe.ts";

export interface SwitchContext {
  readonly host: Pick<Host, "files" | "run" | "clock">;
  readonly config: HaConfig;
  readonly state: () => VrrpState;
  readonly converged: () => boolean;
  /** This node's maintenance; undefined: it is not in maintenance. */
  readonly maintenance: () => TimedMark | undefined;
  readonly peer: () => Promise<Facts>;
  /** Called before handing over: sends changes since the last synchronisation, e.g. the newest lease. Returns the reason when that failed. */
  readonly bringUpToDate: () => Promise<string | undefined>;
  /** Announces to both nodes that a planned takeover follows, or that it did not happen. Never throws. */
  readonly announce: (planned: boolean) => Promise<void>;
  /** Called when nothing refuses it any more, before the first step. What it throws prevents the switchover. */
  readonly begin?: () => void;
}

const deadlineMs = 20_000;
const convergeMs = 30_000;
const pollMs = 20;

/** Resolves when the new master answers for the VIP and its services are in place. Throws `switch_refused` or `switch_failed`. */
export async function switchOver(context: SwitchContext, to: "primary" | "backup"): Promise<SwitchResult> {
  const { host, config, state } = context;
  if (config.role !== "primary")
    throw refused(
      "it is started on the primary.",
      "From here: ns-ha-config ssh-remote is for the primary; log in there.",
    );
  const away = to === "backup";
  const [why, advice] = hindrance(context) ?? [];
  if (why !== undefined) throw refused(why, advice);
  if ((state() === "master") !== away)
    throw refused(away ? "this node is not master, so there is nothing to hand over." : "this node is master already.");
  const peer = await context.peer();
  if (away && peer.maintenance !== undefined)
    throw refused(
      `the other node is in maintenance ${markText(peer.maintenance)}.`,
      "To end it, on that node: ns-ha-config maintenance off",
    );
  if (away && peer.state !== "backup")
    throw refused(`the other node is ${peer.state}, not backup: it would not take over.`, "See: ns-ha-config drill");
  const setPriority = (value: number): void => host.files.write(haPaths.priorityFile, `${value}\n`, { mode: 0o644 });
  const outdated = away ? await context.bringUpToDate() : undefined;
  if (outdated !== undefined)
    throw refused(`the other node could not be given the newest state: ${outdated}.`, "See: ns-ha-config sync --wait");
  context.begin?.();
  if (away) await context.announce(true);
  const probe = new VipProbe(host, config);
  const from = host.clock.monotonic();
  try {
    setPriority(away ? handOver : 0);
    await arrived(context, away);
    await probe.settle();
    if (away) setPriority(standBy);
  } catch (error) {
    if (away) {
      setPriority(0);
      await context.announce(false);
    }
    throw error;
  } finally {
    await probe.stop();
  }
  const done = await until(
    host,
    convergeMs,
    async () => (away ? ((await answer(context))?.converged ?? false) : context.converged()),
    100,
  );
  return {
    master: to,
    outageMs: probe.outageMs,
    ...(done ? { convergedMs: Math.round(host.clock.monotonic() - from) } : {}),
  };
}

/** Why this node can neither give nor take the site, and the advice: checked up front instead of running into the deadline. */
function hindrance({ config, state, maintenance }: SwitchContext): readonly [why: string, advice: string] | undefined {
  if (!config.enabled) return ["the cluster is disabled.", "To enable it: ns-ha-config enable"];
  const mark = maintenance();
  if (mark !== undefined)
    return [`this node is in maintenance ${markText(mark)}.`, "To end it: ns-ha-config maintenance off"];
  if (state() === "unknown") return ["keepalived does not run on this node.", "Start it: /etc/init.d/keepalived start"];
  if (state() === "fault")
    return ["a LAN cable or device of this node is down.", `Look at: ip link show ${config.haInterface.device}`];
  return undefined;
}

/** What the other node says; undefined when one question fails: that is no reason to give up before the deadline. */
async function answer({ peer }: Pick<SwitchContext, "peer">): Promise<Facts | undefined> {
  try {
    return await peer();
  } catch (error) {
    if (error instanceof NethsecError) return undefined;
    throw error;
  }
}

async function arrived(context: SwitchContext, away: boolean): Promise<void> {
  const { host, state } = context;
  const own = await until(host, deadlineMs, () => Promise.resolve((state() === "master") !== away), pollMs);
  const other =
    own && (!away || (await until(host, deadlineMs, async () => (await answer(context))?.state === "master", 50)));
  if (other) return;
  throw new NethsecError({
    code: "switch_failed",
    message: away
      ? "The backup node did not take over; the primary keeps the site."
      : "The primary did not take back in time.",
    advice: "See: ns-ha-config drill, and /var/log/messages of both nodes.",
  });
}

async function until(
  host: Pick<Host, "clock">,
  timeoutMs: number,
  holds: () => Promise<boolean>,
  every: number,
): Promise<boolean> {
  const end = host.clock.monotonic() + timeoutMs;
  while (!(await holds())) {
    if (host.clock.monotonic() > end) return false;
    await host.clock.sleep(every);
  }
  return true;
}

function refused(why: string, advice?: string): NethsecError {
  return new NethsecError({
    code: "switch_refused",
    message: `No switchover: ${why}`,
    ...(advice === undefined ? {} : { advice }),
  });
}
