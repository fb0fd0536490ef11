/** The daemon as a separate process, with a folder as "/": `run-dpireport.ts ROOT`, environment as documented; DUMP_MS: interval of dumps. */
import { localHost } from "@nethsec/host/local/local-host";
import { runDaemon } from "../src/daemon/daemon.ts";
import { readSettings } from "../src/daemon/environment.ts";
import { netifydSource } from "../src/daemon/flow-source.ts";

const host = localHost({ root: process.argv[2] ?? "/", tag: "dpireport" });
const settings = readSettings(process.env, host.uci, host.files);
const abort = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => abort.abort());
const often = process.env["DUMP_MS"];
await runDaemon(
  {
    host,
    settings: often === undefined ? settings : { ...settings, dumpSeconds: Number(often) / 1000 },
    source: netifydSource(settings.source.kind === "netifyd" ? settings.source.socket : "", host.clock),
    pid: process.pid,
    ownAddresses: async () => [],
    devices: async () => new Map(),
    dayBytes: () => Number.POSITIVE_INFINITY,
    memory: () => process.memoryUsage.rss(),
  },
  abort.signal,
);
