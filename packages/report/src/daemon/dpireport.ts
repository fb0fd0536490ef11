/** The command `dpireport`: settings, source, daemon. */
import process from "node:process";
import type { Call, Io } from "@nethsec/host/command/command";
import type { Level, Log } from "@nethsec/host/host";
import { useLocalTime } from "@nethsec/host/local/local-time";
import { runDaemon } from "./daemon.ts";
import { readSettings } from "./environment.ts";
import { netifydSource, type FlowSource } from "./flow-source.ts";
import { ndpireaderSource } from "./ndpireader-source.ts";

/** Who starts it by hand sees its log: a daemon that says nothing on a terminal seems to do nothing. */
function shownTo(io: Io, log: Log): Log {
  if (!io.stdoutIsTerminal) return log;
  const both = (level: Level, text: string): void => {
    log(level, text);
    io.err(`${level}: ${text}\n`);
  };
  return Object.assign(both, { tagged: (tag: string) => shownTo(io, log.tagged(tag)) });
}

/** Exit code 0 after SIGTERM or SIGINT when everything was written. */
export async function run(call: Call): Promise<number> {
  const { host, io, signal } = call;
  const settings = readSettings(io.env, host.uci, host.files);
  const log = shownTo(io, host.log.tagged("dpireport"));
  const zoneProblem = useLocalTime(host.uci);
  if (zoneProblem !== undefined) log("warning", zoneProblem);
  const source: FlowSource =
    settings.source.kind === "netifyd"
      ? netifydSource(host.files.real(settings.source.socket), host.clock)
      : ndpireaderSource(settings.source.device, process.pid, host);
  await runDaemon(
    {
      host: { files: host.files, clock: host.clock, log },
      settings,
      source,
      pid: process.pid,
      ownAddresses: async () =>
        (await host.net.addresses()).flatMap(({ addresses }) => addresses.map(({ address }) => address)),
      dayBytes: () => (host.system.fileSystem(settings.base).size * settings.maxDayPercent) / 100,
      memory: () => process.memoryUsage.rss(),
    },
    signal,
  );
  return 0;
}
