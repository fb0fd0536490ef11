/**
 * Runs while the executable is compiled (or a source file is loaded in development): turns what the browser gets into text. Imported
 * as a macro only, so that nothing of it is in the executable.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The browser's script, types stripped and shortened. */
export function browserScript(): string {
  const transpiler = new Bun.Transpiler({ loader: "ts", target: "browser", minifyWhitespace: true });
  return transpiler.transformSync(source("browser-script.ts"));
}

/** The style sheet without comments and indentation. */
export function styleSheet(): string {
  return source("style.css")
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/\n\s*/g, "\n")
    .trim();
}

function source(name: string): string {
  return readFileSync(join(import.meta.dir, "src/web", name), "utf8");
}
