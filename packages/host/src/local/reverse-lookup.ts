/** Reverse DNS with the resolvers of this machine (/etc/resolv.conf), for names in reports. */
/** The first name of `address`, or undefined when there is none, the server does not answer within `timeoutMs`, or it is no address. */
export async function reverseLookup(address: string, timeoutMs: number): Promise<string | undefined> {
  // Loaded when it is needed: it takes some milliseconds of a start.
  const { Resolver } = await import("node:dns/promises");
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  const timer = setTimeout(() => resolver.cancel(), timeoutMs);
  try {
    return (await resolver.reverse(address))[0];
  } catch {
    // No name, no server, no answer: for a report they are the same.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
