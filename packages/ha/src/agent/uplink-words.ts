/**
 * mwan3's word for each WAN, and for how long it has called a WAN dead.
 *
 * Words, from the sources of OpenWrt's mwan3 (mwan3track, rpcd/ucode/mwan3) and the recorded contract of the controller's reports:
 *   online         works
 *   disconnecting  probes fail, not often enough yet: still used
 *   offline        probes failed `down` times
 *   connecting     probes succeed again, not often enough yet
 *   disabled       its network interface is down: cable out, no address
 *   notracking, unknown, "": mwan3 does not follow this WAN, or cannot say
 */
import type { Host } from "@nethsec/host/host";
import * as v from "valibot";
import type { Uplink } from "../cluster/uplinks.ts";

const dead: ReadonlySet<string> = new Set(["offline", "disabled"]);

/** A gap between two looks that is longer than this is a break: nobody knows what the line did meanwhile. */
const gapMaxMs = 35_000;

const answer = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ interfaces: v.record(v.string(), v.looseObject({ status: v.optional(v.string()) })) }),
);

/** By interface; empty when mwan3 does not run or does not answer as expected. Starts one process. */
export async function mwanWords({ run }: Pick<Host, "run">): Promise<ReadonlyMap<string, string>> {
  try {
    const { code, stdout } = await run(["ubus", "call", "mwan3", "status"], { timeoutMs: 10_000, ok: "any" });
    const parsed = code === 0 ? v.safeParse(answer, stdout) : undefined;
    const found = parsed?.success === true ? Object.entries(parsed.output.interfaces) : [];
    return new Map(found.flatMap(([name, { status }]) => (status === undefined ? [] : [[name, status]])));
  } catch {
    return new Map(); // no ubus, or it hangs: nothing is known
  }
}

/** What was seen so far; times are monotonic milliseconds. */
export interface Seen {
  readonly at: number;
  readonly words: ReadonlyMap<string, string>;
  /** Since when mwan3 has called a WAN dead, or online, without a break. */
  readonly since: ReadonlyMap<string, { readonly dead: boolean; readonly at: number }>;
}

/** Adds a look to what was seen. `words`: mwan3's, by interface. Pure. */
export function look(before: Seen | undefined, words: ReadonlyMap<string, string>, at: number): Seen {
  const unbroken = before !== undefined && at - before.at <= gapMaxMs ? before.since : undefined;
  const since = new Map<string, { dead: boolean; at: number }>();
  for (const [name, word] of words) {
    const isDead = dead.has(word);
    if (!isDead && word !== "online") continue;
    const known = unbroken?.get(name);
    since.set(name, { dead: isDead, at: known?.dead === isDead ? known.at : at });
  }
  return { at, words, since };
}

/** The watched WANs as last seen. Pure. */
export function uplinksSeen(watched: readonly string[], seen: Seen | undefined): readonly Uplink[] {
  return watched.map((name) => {
    const word = seen?.words.get(name);
    const since = seen?.since.get(name);
    if (seen === undefined || word === undefined || since === undefined)
      return { name, ...(word === undefined ? {} : { word }) };
    return { name, word, [since.dead ? "deadMs" : "onlineMs"]: seen.at - since.at };
  });
}
