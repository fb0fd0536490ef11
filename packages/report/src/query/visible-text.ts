/** Text from the network made harmless to look at, in a page and on a terminal. Pure. */

const invisible =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

/**
 * `text` with everything that cannot be seen replaced by U+FFFD, the sign for "something was here": control characters,
 * those that turn or hide text (bidirectional controls, zero width characters, tag characters), lone surrogates.
 */
export function visibleText(text: string): string {
  return text.replace(invisible, "\ufffd");
}
