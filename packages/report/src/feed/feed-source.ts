/**
 * Selects the program that writes the traffic reports, and its source: switches between dpireport and ns-stats (package ns-monitoring of NethSecurity
 * after 8.7.2, which writes the same tree), and configures netifyd for it.
 *
 * Invariants: the two programs never write at the same time; repeating a switch changes nothing; a switch reports what it did.
 */
import { NethsecError } from "@nethsec/host/error";
import type { Host } from "@nethsec/host/host";
import { hasPlugins, hasSocketSink, ownSocket, removeSink, writeSink } from "./netifyd-sink.ts";

type Machine = Pick<Host, "files" | "services" | "uci" | "random">;

/** Arguments of `ns-report source`. */
export const sourceWords = ["auto", "socket", "http", "ndpi", "ns-stats"] as const;
export type SourceWord = (typeof sourceWords)[number];

export const defaultSocket = "/var/run/netifyd/netifyd.sock";
export const defaultHttpPort = 8097;
const secretLength = 43;

/** Whether ns-stats writes reports now. */
export function nsStatsRuns({ services }: Pick<Machine, "services">): Promise<boolean> {
  return services.running("ns-stats");
}

/** The error when dpireport is started while ns-stats runs. */
export function besideNsStats(): NethsecError {
  return new NethsecError({
    code: "ns_stats_runs",
    message: "ns-stats is running and writes the reports: with two writers every figure would be wrong.",
    advice: "Let dpireport write them: ns-report source auto. Leave them to ns-stats: ns-report source ns-stats",
  });
}

/** Returns one line for each thing done. */
export async function switchTo(word: SourceWord, host: Machine): Promise<string[]> {
  if (word === "ns-stats") return toNsStats(host);
  const done: string[] = [];
  if (host.services.exists("ns-stats") && ((await host.services.enabled("ns-stats")) || (await nsStatsRuns(host)))) {
    await host.services.call("ns-stats", "stop");
    await host.services.call("ns-stats", "disable");
    done.push("ns-stats is stopped and disabled.");
  }
  const kind = word === "auto" ? bestKind(host) : word;
  const changed = setUp(kind, host);
  if (changed) done.push(...(await restartNetifyd(host)));
  await host.services.call("dpireport", "enable");
  await host.services.call("dpireport", "restart");
  done.push(`dpireport writes the reports, from ${describe(kind, host)}.`);
  return done;
}

async function toNsStats(host: Machine): Promise<string[]> {
  if (!host.services.exists("ns-stats"))
    throw new NethsecError({
      code: "no_ns_stats",
      message: "There is no service ns-stats on this machine.",
      advice: "It comes with the package ns-monitoring. dpireport goes on as before.",
    });
  const done: string[] = [];
  await host.services.call("dpireport", "stop");
  await host.services.call("dpireport", "disable");
  done.push("dpireport is stopped and disabled; what it counted is written.");
  setOptions(host, { source: "ns-stats" });
  if (removeSink(host.files)) done.push(...(await restartNetifyd(host)));
  await host.services.call("ns-stats", "enable");
  await host.services.call("ns-stats", "start");
  done.push("ns-stats writes the reports.");
  return done;
}

type Kind = "netifyd" | "socket" | "http" | "ndpi";

/** netifyd's own socket where it exists (4.x, 8.7.2 as released), our socket where the socket plugin is installed, else HTTP. */
function bestKind({ files }: Machine): Kind {
  if (!hasPlugins(files) || files.exists(defaultSocket)) return "netifyd";
  return hasSocketSink(files) ? "socket" : "http";
}

/** True when netifyd must be restarted. */
function setUp(kind: Kind, host: Machine): boolean {
  const { files, uci, random } = host;
  if (kind === "socket") {
    setOptions(host, { source: "netifyd", netifyd_socket: ownSocket });
    return writeSink(files, { kind: "socket" });
  }
  if (kind === "http") {
    const config = uci.read("ns-report");
    const secret = config.get("config", "http_secret") ?? random.text(secretLength);
    const port = Number(config.get("config", "http_port") ?? defaultHttpPort);
    setOptions(host, { source: "http", http_secret: secret });
    return writeSink(files, { kind: "http", port, path: `/flows/${secret}` });
  }
  setOptions(host, kind === "ndpi" ? { source: "ndpi" } : { source: "netifyd", netifyd_socket: undefined });
  return removeSink(files);
}

function setOptions(host: Machine, options: Readonly<Record<string, string | undefined>>): void {
  host.uci.change((transaction) => {
    transaction.setSection("ns-report", "config", "report");
    for (const [name, value] of Object.entries(options)) {
      if (value === undefined) transaction.delete("ns-report", "config", name);
      else transaction.set("ns-report", "config", name, value);
    }
  });
}

async function restartNetifyd({ services }: Machine): Promise<string[]> {
  if (!services.exists("netifyd")) return ["netifyd is not installed: nothing is told until it is."];
  await services.call("netifyd", "restart");
  return ["netifyd is restarted with its output for the reports changed."];
}

function describe(kind: Kind, { uci }: Machine): string {
  const config = uci.read("ns-report");
  if (kind === "ndpi") return `ndpiReader on ${config.get("config", "ndpi_device") ?? "br-lan"}`;
  if (kind === "http")
    return `netifyd by HTTP on 127.0.0.1 port ${config.get("config", "http_port") ?? defaultHttpPort}`;
  return `netifyd's socket ${config.get("config", "netifyd_socket") ?? defaultSocket}`;
}
