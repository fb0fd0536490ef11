/** What `drill` says of the watched WANs. Pure. */
import type { DrillCheck } from "../cluster/agent-schemas.ts";
import type { UplinkCarrier, UplinkReport } from "../cluster/uplinks.ts";
import { wordsText } from "./uplink-decision.ts";

export interface UplinkSides {
  /** This node carries the site. */
  readonly carries: boolean;
  /** Of the passive node: this one, or the other. undefined: not known. */
  readonly here?: readonly UplinkCarrier[] | undefined;
  readonly there?: readonly UplinkCarrier[] | undefined;
}

/** Nothing when no WAN is watched. */
export function uplinkChecks(report: UplinkReport | undefined, { carries, here, there }: UplinkSides): DrillCheck[] {
  if (report === undefined) return [];
  return [
    ...(carries ? [wordsCheck(report)] : []),
    ...(here === undefined ? [] : passiveChecks(report, "this node", here)),
    ...(carries && there !== undefined ? passiveChecks(report, "the backup node", there) : []),
  ];
}

/** A WAN that mwan3 does not follow can never be dead, and so keeps the site where it is. */
function wordsCheck({ uplinks }: UplinkReport): DrillCheck {
  const silent = uplinks.filter(({ word }) => !known.has(word ?? ""));
  const code = "uplinks_watched";
  if (silent.length === 0)
    return { code, verdict: "ok", text: `mwan3 follows the watched WANs (${wordsText(uplinks)})` };
  const names = silent.map(({ name }) => name).join(", ");
  const text = `mwan3 does not follow ${names} (${wordsText(silent)}): the site would not move for dead uplinks. See: ubus call mwan3 status`;
  return { code, verdict: "warning", text };
}

/** Words of a WAN that mwan3 follows (see uplink-words.ts). */
const known: ReadonlySet<string> = new Set(["online", "offline", "connecting", "disconnecting", "disabled"]);

function passiveChecks({ uplinks }: UplinkReport, node: string, carriers: readonly UplinkCarrier[]): DrillCheck[] {
  return uplinks.map(({ name }) => {
    const code = "uplink_standby";
    const found = carriers.find((each) => each.name === name);
    if (found === undefined) return { code, verdict: "fail", text: upper(`${node} has no interface ${name}`) };
    const devices = found.devices.join(", ");
    if (found.carrier === false)
      return { code, verdict: "fail", text: upper(`${node} has no carrier on ${devices} (${name})`) };
    const carrier =
      found.carrier === true ? "has carrier" : "is switched off; its carrier is tried before the site moves";
    const text = `On ${node}, ${devices || "no device"} of ${name} ${carrier}. Whether the line works cannot be tested while the node is passive`;
    return { code, verdict: "ok", text };
  });
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
