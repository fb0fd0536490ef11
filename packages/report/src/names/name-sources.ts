/**
 * Names of clients that the firewall itself knows: DHCP leases, static hosts, hosts files. Pure: text in, address → name out.
 * Invariant: what comes out is a plausible host name (no control characters, at most 253 characters) or nothing.
 */

/** A name that may be shown: letters, digits, `-`, `_`, `.` and non-ASCII letters; a trailing dot is dropped. Else undefined. */
export function cleanName(name: string): string | undefined {
  const trimmed = name.trim().replace(/\.$/, "");
  // The length apart: a counted repetition of such large classes takes the expression's compiler a second.
  return trimmed.length <= 253 && /^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}_.-]*$/u.test(trimmed) ? trimmed : undefined;
}

/**
 * dnsmasq's lease file (dnsmasq(8), --dhcp-leasefile): `EXPIRY MAC ADDRESS NAME CLIENT-ID`, for DHCPv6 an IAID in place of the MAC; name `*` when
 * there is none. Expired leases still name who had the address: reports look back.
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

/** hosts(5): `ADDRESS NAME ALIAS… # comment`; the first name counts, and the first line about an address. */
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

/** IPv6 addresses are written in several ways: the one that RFC 5952 recommends is the key. Anything else stays as it is. */
export function normalAddress(address: string): string {
  if (!address.includes(":") || !/^[0-9a-fA-F:.]+$/.test(address)) return address;
  try {
    return new URL(`http://[${address}]/`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}
