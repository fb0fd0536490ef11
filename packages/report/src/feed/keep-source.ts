/**
 * Restores the choice of `ns-report source`: each time the package ns-monitoring is installed or updated, its set-up script stops and disables every
 * service named dpireport and starts ns-stats (contract commands, uci_defaults 99-ns-stats).
 */
import type { Host } from "@nethsec/host/host";
import { nsStatsRuns, switchTo } from "./feed-source.ts";

const everyMs = 60_000;

type Machine = Pick<Host, "files" | "services" | "uci" | "random" | "clock" | "log">;

/** Runs until the signal aborts. Only where a source was chosen: `ns-report.config.keep_source` is 1. */
export async function keepSource(host: Machine, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await restoreSource(host);
    } catch (error) {
      host.log("warning", `ns-report: the source of the reports could not be set right: ${String(error)}`);
    }
    await host.clock.sleep(everyMs, signal).catch(() => undefined);
  }
}

async function restoreSource(host: Machine): Promise<void> {
  const config = host.uci.read("ns-report");
  const source = config.get("config", "source") ?? "netifyd";
  if (config.get("config", "keep_source") !== "1" || source === "ns-stats") return;
  if (!host.services.exists("ns-stats")) return;
  const taken = (await nsStatsRuns(host)) || (await host.services.enabled("ns-stats"));
  if (!taken) return;
  const done = await switchTo(source === "netifyd" || source === "http" ? "auto" : "ndpi", host);
  host.log(
    "warning",
    `ns-report: ns-stats had taken the reports over, against ns-report.config.source. ${done.join(" ")}`,
  );
}
