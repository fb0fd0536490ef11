/**
 * Frames that announce to neighbours where an address is now: gratuitous ARP (RFC 5227, section 3: an ARP announcement) and unsolicited
 * neighbour advertisements (RFC 4861, section 7.2.6). Pure.
 */
import { isIPv4, isIPv6 } from "@nethsec/host/ip-address";

/** Ethernet frames for all addresses of a device. Skips link-local addresses, which did not move. */
export function announcements(mac: string, addresses: readonly string[]): Uint8Array[] {
  const sender = macBytes(mac);
  if (sender === undefined) return [];
  return addresses.flatMap((address) => {
    if (isIPv4(address)) return [arpAnnouncement(sender, address.split(".").map(Number))];
    if (isIPv6(address) && !/^fe[89ab]/i.test(address)) return [neighbourAdvertisement(sender, ipv6Bytes(address))];
    return [];
  });
}

function macBytes(mac: string): number[] | undefined {
  const bytes = mac.split(":").map((part) => Number.parseInt(part, 16));
  return bytes.length === 6 && bytes.every((byte) => byte >= 0 && byte <= 255) ? bytes : undefined;
}

function arpAnnouncement(sender: readonly number[], ip: readonly number[]): Uint8Array {
  const broadcast = [255, 255, 255, 255, 255, 255];
  // Ethernet header; hardware Ethernet, protocol IPv4, lengths 6 and 4, request; sender and target are the same address.
  return Uint8Array.from([
    ...broadcast,
    ...sender,
    8,
    6,
    0,
    1,
    8,
    0,
    6,
    4,
    0,
    1,
    ...sender,
    ...ip,
    0,
    0,
    0,
    0,
    0,
    0,
    ...ip,
  ]);
}

function neighbourAdvertisement(sender: readonly number[], target: readonly number[]): Uint8Array {
  const allNodes = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  // Type 136, override flag, target, option 2 (target's link-layer address).
  const body = [136, 0, 0, 0, 0x20, 0, 0, 0, ...target, 2, 1, ...sender];
  const pseudo = [...target, ...allNodes, 0, 0, 0, body.length, 0, 0, 0, 58];
  const sum = checksum([...pseudo, ...body]);
  body[2] = sum >> 8;
  body[3] = sum & 255;
  const header = [0x60, 0, 0, 0, 0, body.length, 58, 255, ...target, ...allNodes];
  return Uint8Array.from([0x33, 0x33, 0, 0, 0, 1, ...sender, 0x86, 0xdd, ...header, ...body]);
}

/** Internet checksum (RFC 1071) of an even number of bytes. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function ipv6Bytes(address: string): number[] {
  const text = address.replace(/%.*$/, "");
  const groups = (part: string): string[] => (part === "" ? [] : part.split(":"));
  const [head = "", tail] = text.split("::");
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...middle, ...right].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
