/** The cell of a table with traffic, and below it how much of it was download and upload. Pure. */
import { formatBytes } from "@nethsec/host/units";
import { directionTexts } from "../query/direction-text.ts";
import { splitOf, totalTraffic, type Traffic } from "../query/traffic.ts";
import { html, type Html } from "./html.ts";
import type { figures } from "./page.ts";

export function trafficCell(traffic: Traffic): Html {
  const { bytes } = traffic;
  return html`<td class="number" data-bytes="${bytes}" title="${bytes.toLocaleString("en-GB")} bytes">
    ${formatBytes(bytes)} ${directionsLine(traffic)}
  </td>`;
}

/** "↓ 6 GiB ↑ 1 GiB"; a dash where too little is known. */
function directionsLine(traffic: Traffic): Html {
  if (splitOf(traffic) === undefined)
    return html`<small class="ways"
      ><span class="hidden">download and upload not known</span><span aria-hidden="true">–</span></small
    >`;
  const { download, upload } = directionTexts(traffic);
  return html`<small class="ways"
    ><span title="Download"><span aria-hidden="true">↓</span><span class="hidden">download</span> ${download}</span>
    <span title="Upload"><span aria-hidden="true">↑</span><span class="hidden">upload</span> ${upload}</span></small
  >`;
}

/** The figures of the top of a page; none where too little is known. */
export function directionFigures(summary: Parameters<typeof totalTraffic>[0]): Parameters<typeof figures>[0] {
  const traffic = totalTraffic(summary);
  if (traffic.bytes === 0 || splitOf(traffic) === undefined) return [];
  const { download, upload } = directionTexts(traffic);
  return [
    { name: "Download", value: download },
    { name: "Upload", value: upload },
  ];
}
