/** IPv4 addresses and networks as text ↔ number. Pure. */

export interface Cidr {
  /** e.g. "192.168.100.240" */
  readonly address: string;
  /** 0 to 32. */
  readonly prefix: number;
}

/** Strict dotted decimal, without leading zeros (inet_aton would read those as octal); undefined for any other text. */
export function ipv4ToNumber(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

/** "192.168.100.240/24"; undefined for any other notation. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  if (rest.length > 0 || prefix === undefined || !/^(\d|[12]\d|3[0-2])$/.test(prefix)) return undefined;
  return ipv4ToNumber(address) === undefined ? undefined : { address, prefix: Number(prefix) };
}

/** Why `text` is not an IPv4 address in CIDR notation, as the end of a sentence that begins with the text; undefined: it is one. */
export function cidrFault(text: string): string | undefined {
  if (parseCidr(text) !== undefined) return undefined;
  const [address = "", prefix] = text.split("/");
  if (address.includes(":")) return "is an IPv6 address: virtual addresses of that family are not supported";
  const numbers = address.split(".");
  const wrong = numbers.find((number) => /^\d+$/.test(number) && Number(number) > 255);
  if (numbers.length === 4 && wrong !== undefined)
    return `is no address: ${wrong} is not a number of an IPv4 address (0 to 255)`;
  if (ipv4ToNumber(address) === undefined) return "is no IPv4 address in CIDR notation";
  if (prefix === undefined) return "is not in CIDR notation: the length of its prefix is missing";
  return `is not in CIDR notation: ${prefix} is no length of a prefix (0 to 32)`;
}

/** "255.255.255.0" → 24; undefined if it is not a contiguous netmask. */
export function netmaskToPrefix(netmask: string): number | undefined {
  const value = ipv4ToNumber(netmask);
  if (value === undefined) return undefined;
  const ones = value.toString(2).padStart(32, "0");
  return /^1*0*$/.test(ones) ? ones.lastIndexOf("1") + 1 : undefined;
}

/** First and last address of the network that holds `cidr`, as numbers. */
function range(cidr: Cidr): [first: number, last: number] {
  const size = 2 ** (32 - cidr.prefix);
  const value = ipv4ToNumber(cidr.address) ?? 0;
  const first = value - (value % size);
  return [first, first + size - 1];
}

/** True if `address` is inside the network of `network`. */
export function contains(network: Cidr, address: string): boolean {
  const value = ipv4ToNumber(address);
  const [first, last] = range(network);
  return value !== undefined && value >= first && value <= last;
}

/** True if a machine in this network can have `address`: it is neither the network's own nor the broadcast address (RFC 3021: a /31 has neither). */
export function usable(network: Cidr, address: string): boolean {
  const value = ipv4ToNumber(address);
  const [first, last] = range(network);
  return contains(network, address) && (network.prefix >= 31 || (value !== first && value !== last));
}

/** "192.168.100.0/24" for any address inside it. */
export function networkOf(cidr: Cidr): string {
  const [first] = range(cidr);
  const bytes = [first / 2 ** 24, first / 2 ** 16, first / 256, first].map((part) => Math.floor(part) % 256);
  return `${bytes.join(".")}/${cidr.prefix}`;
}
