/** What pages load besides themselves: a style sheet, a script, an icon; embedded when the executable is compiled. */
import { sha256 } from "@nethsec/host/files/digests";
import { browserScript, styleSheet } from "../../build-web.ts" with { type: "macro" };

export interface Asset {
  /** Below the site's base: changes with the content, so that browsers may keep it for ever. */
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#4b86c4" d="M1 9h3v6H1zM6.500 1h3v14h-3zM12 5h3v10h-3z"/></svg>`;

export const style: Asset = asset("style", "css", "text/css; charset=utf-8", styleSheet());
export const script: Asset = asset("script", "js", "text/javascript; charset=utf-8", browserScript());
export const favicon: Asset = { path: "/icon.svg", type: "image/svg+xml", text: icon };
export const assets: readonly Asset[] = [style, script, favicon];

function asset(name: string, ending: string, type: string, text: string): Asset {
  return { path: `/assets/${name}-${sha256(text).slice(0, 12)}.${ending}`, type, text };
}
