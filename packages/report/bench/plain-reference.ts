/** Baseline for the daemon's benches: the same accounting done the plain way, with `JSON.parse` of every line and Maps of strings. */
const decoder = new TextDecoder();

interface Flow {
  total: number;
  identity: { client: string; protocol: string; application: string; host: string | undefined } | undefined;
}

/** Returns the bytes that were attributed to a client. */
export function plainReference(reads: readonly Uint8Array[]): number {
  const read = plainReader();
  return reads.reduce((_, chunk) => read(chunk), 0);
}

/** Returns a function that takes the stream in chunks and returns the bytes attributed to clients so far. */
export function plainReader(): (chunk: Uint8Array) => number {
  const flows = new Map<string, Flow>();
  const counters = new Map<string, Map<string, number>>();
  let rest = "";
  let attributed = 0;
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = JSON.parse(line);
      if (event.flow === undefined || event.internal !== true) continue;
      const key = `${event.interface} ${event.flow.digest}`;
      const flow = flows.get(key) ?? { total: 0, identity: undefined };
      flows.set(key, flow);
      if (event.type === "flow") {
        flow.identity = {
          client: event.flow.local_ip,
          protocol: event.flow.detected_protocol_name.toLowerCase(),
          application: event.flow.detected_application_name.toLowerCase(),
          host: (event.flow.host_server_name ?? event.flow.dns_host_name)?.toLowerCase(),
        };
        continue;
      }
      const growth = Math.max(0, event.flow.total_bytes - flow.total);
      flow.total = event.flow.total_bytes;
      if (growth > 0 && flow.identity !== undefined) {
        attributed += growth;
        const { client, protocol, application, host } = flow.identity;
        let names = counters.get(client);
        if (names === undefined) counters.set(client, (names = new Map()));
        for (const name of [`p ${protocol}`, `a ${application}`, ...(host === undefined ? [] : [`h ${host}`])])
          names.set(name, (names.get(name) ?? 0) + growth);
      }
      if (event.type === "flow_purge") flows.delete(key);
    }
    return attributed;
  };
}
