/** `Random` from the system's CSPRNG (the global Web Crypto: node:crypto takes 2 ms to load). */
import type { Random } from "./host.ts";

export const lettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** The most that one getRandomValues call returns. */
const pieceBytes = 65_536;

export const localRandom: Random = {
  bytes: (count) => {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += pieceBytes) crypto.getRandomValues(bytes.subarray(at, at + pieceBytes));
    return bytes;
  },
  text: (count, alphabet = lettersAndDigits) =>
    Array.from({ length: count }, () => alphabet.charAt(below(alphabet.length))).join(""),
  fraction: () => randomUint32() / 2 ** 32,
};

/** Uniform, 0 ≤ x < limit: values above the greatest multiple of the limit are redrawn. */
function below(limit: number): number {
  const usable = 2 ** 32 - (2 ** 32 % limit);
  for (;;) {
    const value = randomUint32();
    if (value < usable) return value % limit;
  }
}

function randomUint32(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
