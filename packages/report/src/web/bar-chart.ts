/**
 * Bars as a list of links: one for each hour, day or month. Drawn by the server, readable by a screen reader, usable by keyboard; labels are page
 * text, so that they stay legible on a phone. Pure.
 */
import { formatBytes } from "@nethsec/host/units";
import { html, type Html } from "./html.ts";

export interface Bar {
  /** Short label under the bar: "07". */
  readonly tick: string;
  /** Full label: "07:00 to 08:00". */
  readonly label: string;
  readonly bytes: number;
  /** Text shown in place of the bytes when only a part of them is known. */
  readonly unknown?: string;
  /** Nothing was recorded: a gap, not zero. */
  readonly isGap?: boolean;
  /** Bytes of the same bar in the period before: a line across the bar. */
  readonly before?: number;
  /** Link target; without one the bar is not a link. */
  readonly href?: string;
  readonly chosen?: boolean;
}

/** Heights are in 1/1000 of the chart's. */
const full = 1000;

/** `every`: on a narrow screen, only every this many bars show their tick. */
export function barChart(title: string, bars: readonly Bar[], every: number): Html {
  const top = Math.max(0, ...bars.map((bar) => Math.max(bar.bytes, bar.before ?? 0)));
  return html`<figure class="chart">
    <figcaption class="hidden">${title}</figcaption>
    <div class="scale" aria-hidden="true">
      <span>${top === 0 ? "" : formatBytes(top)}</span><span>${top === 0 ? "" : formatBytes(top / 2)}</span
      ><span>0</span>
    </div>
    <ol class="bars">
      ${bars.map((bar, index) => html`<li class="${bar.chosen === true ? "chosen" : bar.isGap === true ? "gap" : ""}">${barOf(bar, top, index % every === 0)}</li>`)}
    </ol>
  </figure>`;
}

function barOf(bar: Bar, top: number, tickAlways: boolean): Html {
  const amount = bar.isGap === true ? "no record" : (bar.unknown ?? formatBytes(bar.bytes));
  const text = `${bar.label}: ${amount}${bar.before === undefined ? "" : `, before: ${formatBytes(bar.before)}`}`;
  // Keeps a little traffic visible: at least 8 of 1000.
  const height = bar.bytes === 0 || top === 0 ? 0 : Math.max(8, Math.round((bar.bytes / top) * full));
  const inside = html`<svg viewBox="0 0 1 ${full}" preserveAspectRatio="none" aria-hidden="true">
      <rect width="1" height="${height}" y="${full - height}" />
      ${bar.before !== undefined && bar.before > 0 && top > 0 && html`<rect class="before" width="1" height="12" y="${lineAt(bar.before / top)}" />`}
    </svg>
    <span class="tick${tickAlways ? "" : " sparse"}" aria-hidden="true">${bar.tick}</span
    ><span class="hidden">${text}</span>`;
  if (bar.href === undefined) return html`<span title="${text}">${inside}</span>`;
  return html`<a href="${bar.href}" title="${text}" ${bar.chosen === true && html` aria-current="true"`}>${inside}</a>`;
}

/** Where the line of a share of the top begins, within the chart. */
function lineAt(share: number): number {
  return Math.min(full - 12, Math.round(full - share * full));
}
