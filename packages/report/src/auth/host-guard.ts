/** Against DNS rebinding: on a loopback address without sign-in, a page of another site must not be able to read the reports. Pure. */

/**
 * Whether a `Host` header names this server on a loopback address: an IP literal of the loopback, "localhost", or one of `allowed` (names
 * under which a proxy serves it), whatever the port.
 */
export function isOwnHost(header: string | null, allowed: readonly string[]): boolean {
  if (header === null || header.length > 255) return false;
  const host = header.toLowerCase().replace(/:\d{1,5}$/, "");
  return (
    host === "localhost" ||
    host === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    allowed.some((name) => name.toLowerCase() === host)
  );
}

/** Whether a listening address is reachable from this machine only. */
export function isLoopback(address: string): boolean {
  return address === "::1" || address === "localhost" || /^127(\.\d{1,3}){3}$/.test(address);
}
