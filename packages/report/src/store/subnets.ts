/** Sets of IPv4 and IPv6 subnets. Pure. (node:net has one, but loading that costs each start 4 to 6 ms.) */
import { isIPv4, isIPv6 } from "@nethsec/host/ip-address";

export interface Subnet {
  readonly address: string;
  readonly prefix: number;
}

interface Bits {
  readonly width: 32 | 128;
  readonly value: bigint;
}

export class Subnets {
  readonly #list: (Bits & { readonly shift: bigint })[] = [];

  constructor(subnets: readonly Subnet[]) {
    for (const { address, prefix } of subnets) {
      const bits = bitsOf(address);
      if (bits === undefined || prefix < 0 || prefix > bits.width) continue;
      const shift = BigInt(bits.width - prefix);
      this.#list.push({ width: bits.width, value: bits.value >> shift, shift });
    }
  }

  has(address: string): boolean {
    if (this.#list.length === 0) return false;
    const bits = bitsOf(address);
    return (
      bits !== undefined &&
      this.#list.some(({ width, value, shift }) => width === bits.width && bits.value >> shift === value)
    );
  }
}

/** From "192.168.30.0/24"; undefined for anything else. Bits after the prefix may be set. */
export function subnetFrom(text: string): Subnet | undefined {
  const [address = "", prefix = "", ...more] = text.split("/");
  const width = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  if (more.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > width) return undefined;
  return { address, prefix: Number(prefix) };
}

function bitsOf(address: string): Bits | undefined {
  if (isIPv4(address)) return { width: 32, value: v4Bits(address) };
  if (!isIPv6(address)) return undefined;
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0n);
  return { width: 128, value: [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | group, 0n) };
}

/** Groups of 16 bits; the last may be an IPv4 address (RFC 4291 section 2.2). */
function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [BigInt(`0x${group}`)];
    const value = v4Bits(group);
    return [value >> 16n, value & 0xffffn];
  });
}

function v4Bits(address: string): bigint {
  return address.split(".").reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
