/** Arithmetic on four bytes at a time in one 32-bit number, the first byte lowest: makes the message scanner fast. Pure. */

/** The highest bit of each byte. */
export const tops = 0x80808080 | 0;

/** Index of the lowest of the four bytes that has its highest bit set. */
export function lowestByte(marked: number): number {
  return (31 - Math.clz32(marked & -marked)) >> 3;
}

/** Values of four hexadecimal digits, one in each byte; undefined results for other characters. */
export function hexValues(four: number): number {
  const letters = (four >>> 6) & 0x01010101;
  return (four & 0x0f0f0f0f) + letters + (letters << 3);
}

/** The digits of four values below 16. Comparing them with the input finds characters that are not lower-case digits. */
export function hexDigits(values: number): number {
  const letters = ((values + 0x06060606) >>> 4) & 0x01010101;
  return values + 0x30303030 + letters * 39;
}

/** Four values below 16 as one number, the lowest byte first. */
export function packed(values: number): number {
  const pairs = ((values << 4) | (values >>> 8)) & 0x00ff00ff;
  return ((pairs & 0xff) << 8) | (pairs >>> 16);
}

/** Four characters as one number, the first one lowest. */
export function littleEndian(word: string): number {
  return word.charCodeAt(0) | (word.charCodeAt(1) << 8) | (word.charCodeAt(2) << 16) | (word.charCodeAt(3) << 24);
}
