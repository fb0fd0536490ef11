/**
 * Text that came from elsewhere (the network, the other node, a portal, a backup) made harmless to look at, in a page and on a terminal. Pure.
 *
 * A terminal obeys control characters: a host name, an error of a portal or a file name could clear the screen, forge a line such as
 * "Last Sync Status: Successful", or type into the shell.
 */
import type { Io } from "./command.ts";

const invisible =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;
/** What this program's own output has: line ends, tabs, its colours, and "clear the screen" of the views that redraw. */
const color = String.raw`\u001b\[(?:[01]|3[0-7]|9[0-7])?m`;
const own = String.raw`[\n\t]|\u001b\[H\u001b\[2J|${color}`;
const colorOrInvisible = new RegExp(`${color}|${invisible.source}`, "gu");
const ownOrInvisible = new RegExp(`${own}|${invisible.source}`, "gu");
const isColor = new RegExp(`^(?:${color})$`, "u");
const isOwn = new RegExp(`^(?:${own})$`, "u");

/**
 * `text` with everything that cannot be seen replaced by U+FFFD, the sign for "something was here": control characters, line ends included,
 * those that turn or hide text (bidirectional controls, zero width characters, tag characters), lone surrogates.
 */
export function visibleText(text: string): string {
  return text.replace(invisible, "\ufffd");
}

/** The same, but colours of this program stay: for a cell of a table that was coloured already. */
export function visibleCell(text: string): string {
  return text.replace(colorOrInvisible, (found) => (isColor.test(found) ? found : "\ufffd"));
}

/** Template tag for a line with values from elsewhere: whatever they hold, it stays one line. */
export function line(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return parts.reduce((text, part, index) => text + visibleText(String(values[index - 1] ?? "")) + part);
}

/** One line for each element, whatever is in it: a value from elsewhere cannot add lines of its own. With the last line end. */
export function textOfLines(lines: readonly string[]): string {
  return lines.map((each) => `${visibleCell(each)}\n`).join("");
}

/** A message of several lines with each further line indented: none can pass for a line of its own. */
export function indented(message: string): string {
  return message.replaceAll("\n", "\n  ");
}

/**
 * `io` whose `out` and `err` let no control character through but this program's own. With `json` they are escaped, which loses nothing: they can stand
 * only inside strings. `write` stays as it is: bytes of a file or archive.
 */
export function filteredIo(io: Io, json: boolean): Io {
  const clean = (text: string): string =>
    text.replace(ownOrInvisible, (found) => (isOwn.test(found) ? found : json ? escaped(found) : "\ufffd"));
  return Object.defineProperties(Object.create(io) as Io, {
    out: { value: (text: string) => io.out(clean(text)) },
    err: { value: (text: string) => io.err(clean(text)) },
  });
}

/** UTF-16 units as JSON writes them. */
function escaped(text: string): string {
  return [...Array(text.length).keys()]
    .map((index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}
