/**
 * Digests of data in memory, computed by the runtime's own functions: `node:crypto` and `node:zlib` would each add 4 to 6 ms and some megabytes to
 * every start. Pure.
 */

/** SHA-256, 64 hexadecimal digits; a string is hashed as UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return Bun.CryptoHasher.hash("sha256", data, "hex");
}

/** SHA-1 of the text's UTF-8, 40 hexadecimal digits. Not for security: collisions can be constructed. */
export function sha1(text: string): string {
  return Bun.CryptoHasher.hash("sha1", text, "hex");
}

/** CRC-32 as in zip and PNG (ISO 3309), unsigned: detects accidental damage, not tampering. */
export function crc32(bytes: Uint8Array): number {
  return Bun.hash.crc32(bytes);
}
