/** `Random` that is reproducible by its seed. For tests only. */
import { createHash } from "node:crypto";
import type { Random } from "../host.ts";
import { lettersAndDigits } from "../random.ts";

export function fakeRandom(seed: string): Random {
  let drawn = 0;
  const bytes = (count: number): Uint8Array => {
    const blocks: Buffer[] = [];
    for (let have = 0; have < count; have += 32)
      blocks.push(createHash("sha256").update(`${seed} ${drawn++}`).digest());
    return new Uint8Array(Buffer.concat(blocks).subarray(0, count));
  };
  const fraction = (): number => Buffer.from(bytes(6)).readUIntBE(0, 6) / 2 ** 48;
  return {
    bytes,
    fraction,
    text: (count, alphabet = lettersAndDigits) =>
      Array.from({ length: count }, () => alphabet.charAt(Math.floor(fraction() * alphabet.length))).join(""),
  };
}
