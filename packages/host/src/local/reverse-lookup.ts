/** Reverse DNS with the resolvers of this machine (/etc/resolv.conf), for names in reports. */
/** The first name of `address`; undefined when there is none, the server does not answer within `timeoutMs`, or `address` is not an IP address. */
export async function reverseLookup(address: string, timeoutMs: number): Promise<string | undefined> {
  // Loaded on demand: it would add some milliseconds to every start.
  const { Resolver } = await import("node:dns/promises");
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  const timer = setTimeout(() => resolver.cancel(), timeoutMs);
  try {
    return (await resolver.reverse(address))[0];
  } catch {
    // Missing name, missing server and timeout are the same for a report.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
