/**
 * Client names that the firewall itself has: DHCP leases, static hosts, hosts files. Pure: text in, address → name out. Invariant: every result is a
 * plausible host name (no control characters, at most 253 characters).
 */

import type { Package } from "@nethsec/host/uci-store";
import { isDevice } from "../store/client-key.ts";

/** dnsmasq's lease files: as configured, and the usual one. */
export function leaseFiles(dhcp: Package): string[] {
  const configured = dhcp.ofType("dnsmasq").flatMap((section) => section.get("leasefile") ?? []);
  return [...new Set([...configured, "/tmp/dhcp.leases"])];
}

/** Returns the name when it may be shown: letters, digits, `-`, `_`, `.` and non-ASCII letters; drops a trailing dot. Else undefined. */
export function cleanName(name: string): string | undefined {
  const trimmed = name.trim().replace(/\.$/, "");
  // Length checked separately: compiling a counted repetition of such large character classes takes a second.
  return trimmed.length <= 253 && /^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_.-]*$/u.test(trimmed) ? trimmed : undefined;
}

/**
 * Names by address and by MAC address, from dnsmasq's lease file (dnsmasq(8), --dhcp-leasefile): `EXPIRY MAC ADDRESS NAME CLIENT-ID`, for DHCPv6 an
 * IAID in place of the MAC; name `*` when there is none. Expired leases are used too: a report of the past needs the names of that time.
 */
export function leaseNames(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const [mac, address, name] of leasesIn(text)) {
    put(names, address, name);
    if (isDevice(mac)) put(names, mac, name);
  }
  return names;
}

/** The device of each address that has a lease; see {@link leaseNames}. */
export function leaseDevices(text: string): Map<string, string> {
  return new Map(leasesIn(text).flatMap(([mac, address]) => (isDevice(mac) ? [[address, mac] as const] : [])));
}

function leasesIn(text: string): (readonly [mac: string, address: string, name: string])[] {
  return text.split("\n").flatMap((line) => {
    const [expiry = "", mac = "", address = "", name = ""] = line.split(" ");
    return /^\d+$/.test(expiry) ? [[mac.toLowerCase(), address, name] as const] : [];
  });
}

/** hosts(5): `ADDRESS NAME ALIAS… # comment`; uses the first name, and the first line about an address. */
export function hostsFileNames(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [address, name] = (line.split("#", 1)[0] ?? "").trim().split(/\s+/);
    if (address !== undefined && !names.has(normalAddress(address))) put(names, address, name);
  }
  return names;
}

function put(names: Map<string, string>, address: string | undefined, name: string | undefined): void {
  const clean = name === undefined ? undefined : cleanName(name);
  if (clean !== undefined && address !== undefined && /^[0-9a-fA-F.:]{2,45}$/.test(address))
    names.set(normalAddress(address), clean);
}

/** Canonical text of an IPv6 address (RFC 5952), used as key because the same address can be written in several ways. Other text is unchanged. */
export function normalAddress(address: string): string {
  if (!address.includes(":") || isDevice(address) || !/^[0-9a-fA-F:.]+$/.test(address)) return address;
  try {
    return new URL(`http://[${address}]/`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}
