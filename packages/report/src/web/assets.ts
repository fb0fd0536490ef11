/** Files that the pages load: a style sheet, a script, an icon; embedded when the executable is compiled. */
import { sha256 } from "@nethsec/host/files/digests";
import scriptText from "./browser-script.js" with { type: "text" };
import styleText from "./style.css" with { type: "text" };

export interface Asset {
  /** Path below the site's base; changes with the content, so that browsers may cache it for ever. */
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#4b86c4" d="M1 9h3v6H1zM6.500 1h3v14h-3zM12 5h3v10h-3z"/></svg>`;

export const style: Asset = asset("style", "css", "text/css; charset=utf-8", withoutComments(styleText));
export const script: Asset = asset("script", "js", "text/javascript; charset=utf-8", scriptText);
export const favicon: Asset = { path: "/icon.svg", type: "image/svg+xml", text: icon };
export const assets: readonly Asset[] = [style, script, favicon];

function asset(name: string, ending: string, type: string, text: string): Asset {
  return { path: `/assets/${name}-${sha256(text).slice(0, 12)}.${ending}`, type, text };
}

/** Removes comments and indentation, which only the authors of the style sheet need. */
function withoutComments(css: string): string {
  return css
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/\n\s*/g, "\n")
    .trim();
}
