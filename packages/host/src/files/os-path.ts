/**
 * File names are bytes; this program keeps them in strings. Bytes that are not valid UTF-8 become lone surrogates U+DC80 to U+DCFF (see
 * @nethsec/uci/text), so that every name can be restored exactly. The runtime would replace those by U+FFFD: system calls get such a path as bytes.
 */
import { decodeText, encodeText } from "@nethsec/uci/text";

/** `path` in the form to pass to node:fs. */
export function osPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : pathBytes(path);
}

/** The path as the kernel's bytes. */
export function pathBytes(path: string): Buffer {
  return Buffer.from(encodeText(path), "latin1");
}

/** Converts a name or path returned by the kernel to a string. */
export function pathText(bytes: Uint8Array): string {
  return decodeText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"));
}

/** For messages, tables and logs: always one line; control characters and invalid bytes as \xNN, a backslash doubled. */
export function shownPath(path: string): string {
  // eslint-disable-next-line no-control-regex
  return path.replaceAll(/[\u0000-\u001f\u007f-\u009f\\\ud800-\udfff\u2028\u2029]|\p{Cf}/gu, (found) => {
    if (found === "\\") return "\\\\";
    return [...pathBytes(found)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  });
}
