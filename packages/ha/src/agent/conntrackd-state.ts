/** conntrackd's entries: of this node (internal cache) and of the other one (external). */
import type { Host } from "@nethsec/host/host";

export interface Connections {
  readonly internal: number;
  readonly external: number;
}

/** `conntrackd -s` (conntrackd(8)). Pure. */
export function parseConntrackdStatistics(text: string): Connections | undefined {
  const entries = (cache: string): number | undefined => {
    const found = new RegExp(`cache ${cache}:[^]*?current active connections:\\s+(\\d+)`).exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const internal = entries("internal");
  const external = entries("external");
  return internal === undefined || external === undefined ? undefined : { internal, external };
}

/** undefined: conntrackd does not run or does not answer. */
export async function readConnections(host: Pick<Host, "run">): Promise<Connections | undefined> {
  try {
    const { code, stdout } = await host.run(["conntrackd", "-s"], { timeoutMs: 3000, ok: "any" });
    return code === 0 ? parseConntrackdStatistics(stdout) : undefined;
  } catch {
    return undefined; // not installed
  }
}
