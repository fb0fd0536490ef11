/**
 * Byte strings (one character per byte, as in the files) ↔ text. Bytes that are not valid UTF-8 become lone surrogates U+DC80 to U+DCFF and are
 * restored from them.
 */
export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}

export function decodeText(bytes: string): string {
  if (isAscii(bytes)) return bytes;
  const raw = Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(raw);
  } catch {
    return decodePieces(raw, decoder);
  }
}

/** Decodes sequence by sequence, so that only the invalid bytes are escaped. */
function decodePieces(raw: Uint8Array, decoder: TextDecoder): string {
  let text = "";
  for (let at = 0; at < raw.length;) {
    const first = raw[at] ?? 0;
    const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    try {
      text += decoder.decode(raw.subarray(at, at + length));
      at += length;
    } catch {
      text += String.fromCharCode(0xdc00 + first);
      at += 1;
    }
  }
  return text;
}

/** The inverse of {@link decodeText}; other lone surrogates become U+FFFD. */
export function encodeText(text: string): string {
  if (isAscii(text)) return text;
  const encoder = new TextEncoder();
  let bytes = "";
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character.length === 1 && code >= 0xdc80 && code <= 0xdcff) bytes += String.fromCharCode(code - 0xdc00);
    else for (const byte of encoder.encode(character)) bytes += String.fromCharCode(byte);
  }
  return bytes;
}
