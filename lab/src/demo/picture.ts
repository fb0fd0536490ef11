/** A failover as SVG, for the README: the same lanes as on the terminal. Pure; readable on light and dark pages. */
import type { Failover, NodeState } from "./failover.ts";

const [left, lanesWidth, laneHeight, gap] = [90, 600, 26, 12] as const;

const legend: readonly (readonly [kind: string, text: string])[] = [
  ["master", "master"],
  ["backup", "backup"],
  ["ok", "client is answered"],
  ["lost", "no answer"],
];

export function renderPicture(found: Failover): string {
  const slotWidth = lanesWidth / found.backup.length;
  const laneTop = (index: number): number => 50 + index * (laneHeight + gap);
  const bars = (states: readonly NodeState[], lane: number): string =>
    runs(states)
      .filter(({ value }) => value !== "off")
      .map(({ value, from, length }) => rect(value, left + from * slotWidth, laneTop(lane), length * slotWidth))
      .join("");
  const client = runs(found.client.map((share) => (share === undefined || share > 0 ? "ok" : "lost")))
    .map(({ value, from, length }) => rect(value, left + from * slotWidth, laneTop(2), length * slotWidth))
    .join("");
  const zero = left + found.before * slotWidth;
  const seconds = Math.floor((found.backup.length - found.before) / (1000 / found.slotMs));
  const ticks = Array.from({ length: seconds + 1 }, (_, second) => {
    const x = zero + (second * 1000 * slotWidth) / found.slotMs;
    return `<line class="tick" x1="${x}" x2="${x}" y1="44" y2="${laneTop(3)}"/><text class="small" x="${x}" y="${laneTop(3) + 14}" text-anchor="middle">${second} s</text>`;
  }).join("");
  const labels = ["primary", "backup", "client"]
    .map((name, lane) => `<text x="${left - 12}" y="${laneTop(lane) + 18}" text-anchor="end">${name}</text>`)
    .join("");
  const facts = [
    `Virtual address silent for ${Math.round(found.outageMs.ping)} ms`,
    `the TCP stream through NAT ${found.streamSurvived ? "survived" : "broke"}`,
    `every service on the backup after ${Math.round(found.inPlaceMs)} ms`,
  ];
  const caption = `${facts.join("; ")}.`;
  const keys = legend
    .map(([kind, text], index) => {
      const x = left + index * 140;
      return `<rect class="${kind}" x="${x}" y="${laneTop(3) + 30}" width="14" height="14" rx="3"/><text class="small" x="${x + 20}" y="${laneTop(3) + 41}">${text}</text>`;
    })
    .join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + lanesWidth + 20} ${laneTop(3) + 78}" role="img" aria-label="${caption}">
<style>
text{font:14px system-ui,sans-serif;fill:#57606a}.small{font-size:11px}.title{font-weight:600}
.tick{stroke:#8c959f;stroke-opacity:.35}.master{fill:#1a7f37}.backup{fill:#8c959f;fill-opacity:.45}.other{fill:#bf8700}.ok{fill:#0969da}.lost{fill:#cf222e}
</style>
<text class="title" x="10" y="22">The primary firewall loses its power</text>
${ticks}${labels}${bars(found.primary, 0)}${bars(found.backup, 1)}${client}
<line x1="${zero}" x2="${zero}" y1="36" y2="${laneTop(3)}" stroke="#cf222e" stroke-width="2"/>
${keys}
<text class="small" x="10" y="${laneTop(3) + 66}">${caption}</text>
</svg>
`;
}

const rect = (kind: string, x: number, y: number, width: number): string =>
  `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${laneHeight}" rx="3"/>`;

/** Run-length encoding: merges equal neighbours. */
function runs<Value>(
  values: readonly Value[],
): { readonly value: Value; readonly from: number; readonly length: number }[] {
  const starts = values.flatMap((value, index) =>
    index === 0 || values[index - 1] !== value ? [{ value, from: index }] : [],
  );
  return starts.map((start, index) => ({ ...start, length: (starts[index + 1]?.from ?? values.length) - start.from }));
}
