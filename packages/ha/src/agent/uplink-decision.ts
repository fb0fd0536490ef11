/**
 * When does the site move because its uplinks are dead? Pure: what is known in, a verdict out. The primary decides for both directions, since only it
 * can ask the other node; so two nodes never decide against each other.
 *
 * Invariants: nothing moves while one watched WAN is not dead, or its state is not known; at most one handover for dead uplinks within `holdDownMs`;
 * when the handover did not help (no watched WAN worked since), the site goes back once, and then stays until a watched WAN has worked again. So two
 * dead lines cost two handovers at most, however long they are dead.
 */
import { formatDuration } from "@nethsec/host/units";
import type { Role } from "../cluster/config.ts";
import type { Uplink, UplinkCarrier, UplinkMove } from "../cluster/uplinks.ts";

/** A WAN is dead when mwan3 has called it so for this long without a break. */
export const deadAfterMs = 60_000;
/**
 * A WAN works when mwan3 has called it online for this long without a break. mwan3 calls a line online from the start (`initial_state`), until its
 * probes have failed often enough: after about a minute with its defaults.
 */
export const worksAfterMs = 10 * 60_000;
/** After a handover (for dead uplinks, or by an administrator) nothing moves for dead uplinks. */
export const holdDownMs = 30 * 60_000;
/** The second handover without success goes back to where the site came from. */
const attemptsMax = 2;

export interface UplinkFacts {
  readonly carriedBy: Role;
  /** The watched WANs on the node that carries the site; []: none is watched. */
  readonly uplinks: readonly Uplink[];
  readonly last: UplinkMove | undefined;
  /** Milliseconds since `last`. */
  readonly sinceLastMs: number;
  /** The other node. undefined: not asked yet. */
  readonly other: OtherSide | undefined;
}

/** Why the other node cannot take the site (a sentence), or the carrier on its WAN devices. */
export type OtherSide = { readonly unable: string } | { readonly carriers: readonly UplinkCarrier[] };

export type UplinkVerdict =
  /** Nothing to do: no WAN is watched, or one of them is not dead. */
  | { readonly kind: "alive" }
  /** All are dead, and the site stays; `why` is a sentence. */
  | { readonly kind: "stay"; readonly why: string }
  /** All are dead: ask the other node, and decide again. */
  | { readonly kind: "ask" }
  /** Hand over; `attempt` is for the record. */
  | { readonly kind: "move"; readonly to: Role; readonly attempt: number };

export function decideUplinks(facts: UplinkFacts): UplinkVerdict {
  const { carriedBy, uplinks, last, sinceLastMs, other } = facts;
  if (!allDead(uplinks)) return { kind: "alive" };
  const to = carriedBy === "primary" ? "backup" : "primary";
  const failed = last === undefined || last.worked ? 0 : last.attempt;
  if (failed >= attemptsMax)
    return {
      kind: "stay",
      why: `Neither node had a working line. The site stays on the ${carriedBy} node until one of its watched WANs works again; by hand: ns-ha-config switch --to ${to}`,
    };
  const left = last === undefined ? 0 : holdDownMs - sinceLastMs;
  if (left > 0)
    return {
      kind: "stay",
      why: `The site was handed over less than ${formatDuration(holdDownMs)} ago and does not move for dead uplinks before that; by hand: ns-ha-config switch --to ${to}`,
    };
  if (other === undefined) return { kind: "ask" };
  if ("unable" in other) return { kind: "stay", why: `The ${to} node cannot take the site: ${other.unable}` };
  if (other.carriers.some(({ carrier }) => carrier === true)) return { kind: "move", to, attempt: failed + 1 };
  return { kind: "stay", why: `The ${to} node cannot take the site: ${withoutCarrier(other.carriers)}` };
}

/** At least one is watched, and mwan3 has called each of them dead for `deadAfterMs`. */
export function allDead(uplinks: readonly Uplink[]): boolean {
  return uplinks.length > 0 && uplinks.every(({ deadMs }) => deadMs !== undefined && deadMs >= deadAfterMs);
}

/** At least one of them works. */
export function works(uplinks: readonly Uplink[]): boolean {
  return uplinks.some(({ onlineMs }) => onlineMs !== undefined && onlineMs >= worksAfterMs);
}

function withoutCarrier(carriers: readonly UplinkCarrier[]): string {
  if (carriers.length === 0) return "it has none of the watched WANs. See: ns-ha-config drill";
  const devices = [...new Set(carriers.flatMap((each) => each.devices))].join(", ");
  return devices === "" ? "its watched WANs have no device." : `there is no carrier on ${devices}. Check its cables.`;
}

/** "wan: offline, wan2: disabled". */
export function wordsText(uplinks: readonly Uplink[]): string {
  return uplinks.map(({ name, word }) => `${name}: ${word ?? "not known"}`).join(", ");
}
