/**
 * Names of files are bytes; in this program they are strings. Bytes that are no UTF-8 stand in them as lone surrogates U+DC80 to U+DCFF
 * (see @nethsec/uci/text), so that every name comes back as it was. The runtime would write those as U+FFFD: at each system call such a path is
 * handed over as bytes.
 */
import { decodeText, encodeText } from "@nethsec/uci/text";

/** What to hand to node:fs for `path`. */
export function osPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : pathBytes(path);
}

/** The bytes of a path, as the kernel knows it. */
export function pathBytes(path: string): Buffer {
  return Buffer.from(encodeText(path), "latin1");
}

/** The string for a name or path that the kernel gave. */
export function pathText(bytes: Uint8Array): string {
  return decodeText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1"));
}

/** For messages, tables and logs: one line, whatever the name; control characters and odd bytes as \xNN, a backslash doubled. */
export function shownPath(path: string): string {
  // eslint-disable-next-line no-control-regex
  return path.replaceAll(/[\u0000-\u001f\u007f-\u009f\\\ud800-\udfff\u2028\u2029]|\p{Cf}/gu, (found) => {
    if (found === "\\") return "\\\\";
    return [...pathBytes(found)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  });
}
