/** Text rendering of a failover: three lanes over time and a table of outages. Pure. */
import type { Failover, NodeState } from "./failover.ts";

const glyphs: Readonly<Record<NodeState, string>> = { master: "█", backup: "░", off: " ", other: "·" };

/** Three lanes, one character per 0.1 s, at most `width` characters wide. */
export function describeLanes(found: Failover, width: number): string[] {
  const slots = Math.min(width - 12, found.backup.length);
  const lane = (name: string, text: string): string => `  ${name.padEnd(9)} ${text}`;
  const nodes = (states: readonly NodeState[]): string =>
    states
      .slice(0, slots)
      .map((state) => glyphs[state])
      .join("");
  const client = found.client
    .slice(0, slots)
    .map((share) => (share === undefined ? " " : share === 0 ? "✕" : share < 1 ? "▂" : "▔"));
  const ruler = Array.from({ length: slots }, (_, slot) => ((slot - found.before) % 10 === 0 ? "┴" : "─")).join("");
  return [
    lane("primary", nodes(found.primary)),
    lane("backup", nodes(found.backup)),
    lane("client", client.join("")),
    lane("", ruler),
    lane("", `${" ".repeat(found.before)}0 s: power cut; a mark each second.  █ master  ░ backup  ✕ no answer`),
  ];
}

/** Label and figure. */
export function describeFigures(found: Failover): (readonly [string, string])[] {
  const ms = (value: number): string => `${Math.round(value)} ms`;
  return [
    ["Virtual address silent", ms(found.outageMs.ping)],
    [
      "TCP stream through NAT",
      `${found.streamSurvived ? "survived" : "broken"}, ${ms(found.outageMs.tcp)} without a byte`,
    ],
    ["Names (DNS) silent", ms(found.outageMs.dns)],
    ["Every service on the backup after", ms(found.inPlaceMs)],
    ["Silence when the primary took back", found.takeBackMs === 0 ? "none" : ms(found.takeBackMs)],
  ];
}
