/**
 * Checks whether an address is a client's, and whether a name is safe as a folder. Pure. Invariant: text accepted by `isAddress` has no "/", is not
 * "." or "..", and is at most 45 characters long, so that text from the network cannot lead outside the report directory.
 */
import { isIPv4, isIPv6 } from "@nethsec/host/ip-address";

/** An IPv4 address in dotted form or an IPv6 address (RFC 4291 section 2.2), without zone. */
export function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/**
 * Private or otherwise local: RFC 1918, shared address space (RFC 6598), link-local (RFC 3927, RFC 4291), unique local (RFC 4193).
 * Not 0.0.0.0, ::, multicast, loopback.
 */
export function isClientAddress(text: string): boolean {
  if (!isAddress(text)) return false;
  if (text.includes(":")) return /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(text);
  const [a, b = 0] = text.split(".", 2).map(Number);
  return (
    a === 10 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b <= 127) ||
    (a === 169 && b === 254)
  );
}
