/** The command `dpireport`: settings, source, daemon. */
import process from "node:process";
import type { Call, Io } from "@nethsec/host/command/command";
import type { Host, Level, Log } from "@nethsec/host/host";
import { useLocalTime } from "@nethsec/host/local/local-time";
import { runDaemon } from "./daemon.ts";
import { besideNsStats, nsStatsRuns } from "../feed/feed-source.ts";
import { defaultReportPath } from "../store/report-path.ts";
import { httpSource } from "./http-source.ts";
import { readSettings, type Settings } from "./environment.ts";
import { netifydSource, type FlowSource } from "./flow-source.ts";
import { readNeighbours } from "./neighbours.ts";
import { ndpireaderSource } from "./ndpireader-source.ts";

/** On a terminal, prints the log to it as well: a daemon started by hand would otherwise show nothing. */
function shownTo(io: Io, log: Log): Log {
  if (!io.stdoutIsTerminal) return log;
  const both = (level: Level, text: string): void => {
    log(level, text);
    io.err(`${level}: ${text}\n`);
  };
  return Object.assign(both, { tagged: (tag: string) => shownTo(io, log.tagged(tag)) });
}

/** Exit code 0 when SIGTERM or SIGINT ended it and everything was written. */
export async function run(call: Call): Promise<number> {
  const { host, io, signal } = call;
  const settings = readSettings(io.env, host.uci, host.files);
  const log = shownTo(io, host.log.tagged("dpireport"));
  const zoneProblem = useLocalTime(host);
  if (zoneProblem !== undefined) log("warning", zoneProblem);
  if (settings.base === defaultReportPath && (await nsStatsRuns(host))) throw besideNsStats();
  await runDaemon(
    {
      host: { files: host.files, clock: host.clock, log },
      settings,
      source: sourceOf(settings, host),
      pid: process.pid,
      ownAddresses: async () =>
        (await host.net.addresses()).flatMap(({ addresses }) =>
          addresses.map(({ address, prefix }) => `${address}/${prefix}`),
        ),
      devices: () => readNeighbours(host),
      dayBytes: () => (host.system.fileSystem(settings.base).size * settings.maxDayPercent) / 100,
      memory: () => process.memoryUsage.rss(),
    },
    signal,
  );
  return 0;
}

function sourceOf({ source }: Settings, host: Host): FlowSource {
  if (source.kind === "netifyd") return netifydSource(host.files.real(source.socket), host.clock);
  if (source.kind === "http") return httpSource(source, host.clock);
  return ndpireaderSource(source.device, process.pid, host);
}
