/**
 * Which addresses are clients of a report, and which names are safe as a folder. Pure.
 * Invariant: whatever passes `isAddress` has no "/", is not "." or "..", and is at most 45 characters long, so that text from the
 * network cannot leave the report directory.
 */

const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** An IPv4 address in dotted form or an IPv6 address (RFC 4291 section 2.2), without zone. */
export function isAddress(text: string): boolean {
  return text.length <= 45 && (text.includes(":") ? isV6(text) : v4Bytes(text) !== undefined);
}

/**
 * Private or otherwise local: RFC 1918, shared address space (RFC 6598), link-local (RFC 3927, RFC 4291), unique local (RFC 4193).
 * Not 0.0.0.0, ::, multicast, loopback.
 */
export function isClientAddress(text: string): boolean {
  if (text.length > 45) return false;
  if (text.includes(":")) return isV6(text) && /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/i.test(text);
  const bytes = v4Bytes(text);
  if (bytes === undefined) return false;
  const [a, b] = bytes;
  return (
    a === 10 ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168) ||
    (a === 100 && b >= 64 && b <= 127) ||
    (a === 169 && b === 254)
  );
}

/** The first two bytes of a valid dotted address. */
function v4Bytes(text: string): readonly [number, number] | undefined {
  const match = v4.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  const [a, b] = bytes;
  return a === undefined || b === undefined || bytes.some((byte) => byte > 255) ? undefined : [a, b];
}

function isV6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  let count = groups.length;
  if (last?.includes(".") === true) {
    if (v4Bytes(last) === undefined) return false;
    groups.pop();
    count += 1;
  }
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) && (halves.length === 2 ? count <= 7 : count === 8);
}
