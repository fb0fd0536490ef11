/** Download and upload as people read them, on pages and on the terminal. Pure. */
import { formatBytes } from "@nethsec/host/units";
import type { Day } from "../store/hour-key.ts";
import { shortDay } from "./asked-range.ts";
import { splitOf, type Traffic } from "./traffic.ts";

/** Shown for what is not known. */
const unknown = "–";

export interface DirectionTexts {
  readonly download: string;
  readonly upload: string;
}

/** "6.1 GiB"; "≥ 6.1 GiB" where it may be more, by bytes of which the direction is not known; "–" where too little is known. */
export function directionTexts(traffic: Traffic): DirectionTexts {
  const split = splitOf(traffic);
  if (split === undefined) return { download: unknown, upload: unknown };
  const text = (bytes: number): string => {
    const least = formatBytes(bytes);
    return formatBytes(bytes + split.rest) === least ? least : `≥ ${least}`;
  };
  return { download: text(split.download), upload: text(split.upload) };
}

/** Why download and upload, or a part of them, are not known; undefined: nothing to say. `since`: see `RangeSummary.directionsSince`. */
export function directionNote(traffic: Traffic, since?: Day): string | undefined {
  if (traffic.bytes === 0) return undefined;
  if (since !== undefined)
    return `Download and upload are known since ${shortDay(since)}; what was recorded before has totals only.`;
  const split = splitOf(traffic);
  if (split === undefined)
    return "Download and upload are not known: this was recorded by an earlier version, or the DPI engine tells totals only.";
  return split.rest === 0
    ? undefined
    : "≥ is “at least”: of a small part of the traffic the DPI engine told no direction.";
}
