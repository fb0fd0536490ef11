/** Measured milliseconds: percentiles, and a plot with one dot for each measurement. Pure. */

export interface Series {
  readonly label: string;
  readonly values: readonly number[];
  /** Milliseconds that percentile `at` (default 99) must not exceed. */
  readonly target?: number;
  readonly at?: number;
}

/** Nearest rank: of 50 values percentile 99 is the largest. NaN for no values. */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((rank / 100) * sorted.length) - 1)] ?? Number.NaN;
}

const width = 860;
const left = 330;
const rowHeight = 34;
const top = 46;
const ticks = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];

/** An SVG: a row for each series on a logarithmic scale, targets as bars, medians as lines. */
export function drawSeries(series: readonly Series[], subtitle: string): string {
  const height = top + series.length * rowHeight + 34;
  const x = (ms: number): number => {
    const [low, high] = [Math.log(30), Math.log(20_000)];
    const part = (Math.log(Math.min(20_000, Math.max(30, ms))) - low) / (high - low);
    return Math.round((left + part * (width - left - 20)) * 10) / 10;
  };
  const grid = ticks.map(
    (ms) =>
      `<path class="grid" d="M${x(ms)} ${top - 8}V${height - 26}"/><text class="tick" x="${x(ms)}" y="${height - 10}">${ms < 1000 ? `${ms} ms` : `${ms / 1000} s`}</text>`,
  );
  const rows = series.map(({ label, values, target }, index) => {
    const y = top + index * rowHeight + rowHeight / 2;
    const dots = values.map((value) => `<circle cx="${x(value)}" cy="${y}" r="3"/>`).join("");
    const median = `<path class="median" d="M${x(percentile(values, 50))} ${y - 9}v18"/>`;
    const bar = target === undefined ? "" : `<path class="target" d="M${x(target)} ${y - 12}v24"/>`;
    return `<text x="10" y="${y + 4}">${label}</text>${bar}${dots}${median}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>Failover figures of ns-ha</title>
<style>
text { font: 12px sans-serif; fill: #222 } .tick { text-anchor: middle; fill: #666; font-size: 11px }
.grid { stroke: #ddd } circle { fill: #2563eb; fill-opacity: .45 } .median { stroke: #111; stroke-width: 2 } .target { stroke: #dc2626; stroke-width: 2 }
rect { fill: #fff }
</style>
<rect width="${width}" height="${height}"/>
<text x="10" y="20">${subtitle}; blue: each measurement, black: median, red: target</text>
${[...grid, ...rows].join("\n")}
</svg>
`;
}
