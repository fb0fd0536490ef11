/** `ns-report source`: shows which program writes the reports and from what source; with an argument, switches the source. */
import type { Call } from "@nethsec/host/command/command";
import { UsageError } from "@nethsec/host/error";
import { nsStatsRuns, sourceWords, switchTo, type SourceWord } from "../feed/feed-source.ts";
import { readStatus } from "../store/daemon-status.ts";
import { openStore } from "../store/open-store.ts";

export async function run(call: Call): Promise<number> {
  const { host, io, args, json } = call;
  const { source } = args;
  if (source === undefined) return tell(call);
  const word = sourceWords.find((one): one is SourceWord => one === source);
  if (word === undefined) throw new UsageError(`"${source}" is no source.`, `One of ${sourceWords.join(", ")}.`);
  const done = await switchTo(word, host);
  host.uci.change((transaction) => transaction.set("ns-report", "config", "keep_source", "1"));
  io.out(json ? `${JSON.stringify({ source: word, done })}\n` : `${done.join("\n")}\n`);
  return 0;
}

/** Exit code 0 when a program writes reports, 1 when none does. */
async function tell(call: Call): Promise<number> {
  const { host, io, json } = call;
  const status = readStatus(host.files, openStore(call).base);
  const byNsStats = await nsStatsRuns(host);
  const running = status?.running === true;
  const writer = running ? "dpireport" : byNsStats ? "ns-stats" : null;
  const from = running ? status.source : undefined;
  if (json) {
    io.out(`${JSON.stringify({ writer, from: from ?? null, connected: running && status.connected })}\n`);
    return writer === null ? 1 : 0;
  }
  if (running)
    io.out(
      `dpireport writes the reports, from ${status.source} (${status.connected ? "connected" : "not connected"}).\n`,
    );
  else if (byNsStats) io.out("ns-stats writes the reports. dpireport instead: ns-report source auto\n");
  else io.out("Nobody writes reports: dpireport is not running. Choose a source and start it: ns-report source auto\n");
  return writer === null ? 1 : 0;
}
