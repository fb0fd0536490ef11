/** Zstandard (RFC 8878) by the runtime's own functions. A frame checks its content by itself where the writer added a checksum; this one does not. */

export function zstd(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  return Bun.zstdCompressSync(bytes);
}

/** undefined when the bytes are not a whole frame. */
export function unzstd(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return Bun.zstdDecompressSync(new Uint8Array(bytes));
  } catch {
    return undefined;
  }
}
