/**
 * Client names that the firewall itself has: DHCP leases, static hosts, hosts files. Pure: text in, address → name out. Invariant: every result is a
 * plausible host name (no control characters, at most 253 characters).
 */

/** Returns the name when it may be shown: letters, digits, `-`, `_`, `.` and non-ASCII letters; drops a trailing dot. Else undefined. */
export function cleanName(name: string): string | undefined {
  const trimmed = name.trim().replace(/\.$/, "");
  // Length checked separately: compiling a counted repetition of such large character classes takes a second.
  return trimmed.length <= 253 && /^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_.-]*$/u.test(trimmed) ? trimmed : undefined;
}

/**
 * dnsmasq's lease file (dnsmasq(8), --dhcp-leasefile): `EXPIRY MAC ADDRESS NAME CLIENT-ID`, for DHCPv6 an IAID in place of the MAC; name `*` when
 * there is none. Expired leases are used too: a report of the past needs the names of that time.
 */
export function leaseNames(text: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [expiry, , address, name] = line.split(" ");
    if (expiry === undefined || !/^\d+$/.test(expiry)) continue;
    put(names, address, name);
  }
  return names;
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
  if (!address.includes(":") || !/^[0-9a-fA-F:.]+$/.test(address)) return address;
  try {
    return new URL(`http://[${address}]/`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}
