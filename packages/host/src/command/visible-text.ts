/**
 * Makes untrusted text (from the network, the other node, a portal, a backup) safe to show in a page and on a terminal. Pure.
 *
 * A terminal obeys control characters: a host name, a portal's error or a file name could clear the screen, forge a line such as "Last Sync Status:
 * Successful", or type into the shell.
 */
import type { Io } from "./command.ts";

const invisible =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;
/** Control characters of this program's own output: line ends (CSV has those of RFC 4180), tabs, colours, and "clear the screen" of the views that redraw. */
const color = String.raw`\u001b\[(?:[01]|3[0-7]|9[0-7])?m`;
const own = String.raw`\r?\n|\t|\u001b\[H\u001b\[2J|${color}`;
const colorOrInvisible = new RegExp(`${color}|${invisible.source}`, "gu");
const ownOrInvisible = new RegExp(`${own}|${invisible.source}`, "gu");
const isColor = new RegExp(`^(?:${color})$`, "u");
const isOwn = new RegExp(`^(?:${own})$`, "u");

/**
 * Replaces every invisible character of `text` by U+FFFD, so that the place stays visible: control characters (line ends included), characters that
 * reorder or hide text (bidirectional controls, zero width characters, tag characters), lone surrogates.
 */
export function visibleText(text: string): string {
  return text.replace(invisible, "\ufffd");
}

/** The same, but keeps this program's colours: for a table cell that is already coloured. */
export function visibleCell(text: string): string {
  return text.replace(colorOrInvisible, (found) => (isColor.test(found) ? found : "\ufffd"));
}

/** Template tag for a line with untrusted values: the result is always one line. */
export function line(parts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return parts.reduce((text, part, index) => text + visibleText(String(values[index - 1] ?? "")) + part);
}

/** One line per element: an untrusted value cannot add lines. Includes the last line end. */
export function textOfLines(lines: readonly string[]): string {
  return lines.map((each) => `${visibleCell(each)}\n`).join("");
}

/** A multi-line message with each further line indented, so that none can pass for a separate message. */
export function indented(message: string): string {
  return message.replaceAll("\n", "\n  ");
}

/**
 * `io` whose `out` and `err` pass only this program's own control characters. With `json` all others are escaped, which loses nothing: they can occur
 * only inside strings. `write` is unfiltered: bytes of a file or archive.
 */
export function filteredIo(io: Io, json: boolean): Io {
  const clean = (text: string): string =>
    text.replace(ownOrInvisible, (found) => (isOwn.test(found) ? found : json ? escaped(found) : "\ufffd"));
  return Object.defineProperties(Object.create(io) as Io, {
    out: { value: (text: string) => io.out(clean(text)) },
    err: { value: (text: string) => io.err(clean(text)) },
  });
}

/** The text as JSON escapes of its UTF-16 units. */
function escaped(text: string): string {
  return [...Array(text.length).keys()]
    .map((index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}
